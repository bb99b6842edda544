"""From figures to the parts of plots."""

from __future__ import annotations

from datetime import date, timedelta

from panel.web.plots import HEIGHT, WIDTH, Point, bar, by_month, growth

FIRST = date(2026, 1, 1)


def test_a_bar_is_never_longer_than_its_track_and_warns_before_it_is_full() -> None:
    shown = [bar("x", used, granted, str) for used, granted in ((0, 0), (0, 10), (8, 10), (9, 10), (10, 10), (25, 10))]
    assert [(one.part, one.tone) for one in shown] == [
        (0, ""), (0, ""), (80, ""), (90, "usage-near"), (100, "usage-full"), (100, "usage-full")]  # fmt: skip
    assert (bar("x", 3, 0, str).part, bar("x", 25, 10, str).free) == (100, "0")


def test_lines_stay_within_the_picture_and_one_day_is_no_line() -> None:
    points = [Point(day=FIRST + timedelta(days=30 * n), used=n * n, granted=50) for n in range(12)]
    lines = growth(points, to_text=str, to_day=date.isoformat)
    assert lines is not None
    places = [tuple(map(float, pair.split(","))) for pair in f"{lines.used} {lines.granted} {lines.area}".split()]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert [tick.label for tick in lines.days][:: len(lines.days) - 1] == [
        points[0].day.isoformat(),
        points[-1].day.isoformat(),
    ]
    assert [tick.label for tick in lines.amounts] == ["0", "60", "121"]
    assert growth(points[:1], to_text=str, to_day=str) is None
    assert growth([], to_text=str, to_day=str) is None
    nothing = growth([Point(day=day, used=0, granted=0) for day in (FIRST, date(2026, 2, 1))], to_text=str, to_day=str)
    assert nothing is not None
    assert [point.used for point in by_month([*points[:2], Point(day=date(2026, 1, 31), used=7, granted=1)])] == [7]
