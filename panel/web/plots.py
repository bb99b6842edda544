"""From figures to the parts of plots: pure functions, drawn by ``templates/macros/plot.html`` as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

NEAR = 0.9
"""From which part of what is granted on a bar warns."""

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 88, 12, 16, 32


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Used against granted: ``part`` in percent of the track, at most 100; ``tone`` as in the CSS."""

    label: str
    used: str
    granted: str
    free: str
    part: float
    tone: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """What was used and granted on a day."""

    day: date
    used: int
    granted: int


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A mark on an axis: where, and what stands there."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Lines of use and grant over time; ``used`` and ``granted`` are the ``points`` of polylines."""

    used: str
    granted: str
    area: str
    days: list[Tick]
    amounts: list[Tick]
    left: float
    right: float
    base: float


def bar(label: str, used: int, granted: int, to_text: Callable[[int], str]) -> Bar:
    """One bar; where nothing is granted, any use fills it."""
    part = used / granted if granted else float(used > 0)
    tone = "usage-full" if part >= 1 and used else "usage-near" if part >= NEAR else ""
    return Bar(
        label=label, used=to_text(used), granted=to_text(granted), free=to_text(max(granted - used, 0)),
        part=round(100 * min(part, 1), 1), tone=tone,
    )  # fmt: skip


def growth(points: Sequence[Point], *, to_text: Callable[[int], str], to_day: Callable[[date], str]) -> Growth | None:
    """Lines over the days of ``points``, the oldest first; None for fewer than two: nothing to compare."""
    if len({point.day for point in points}) < 2:
        return None
    first, last = points[0].day, points[-1].day
    top = max(max(point.used, point.granted) for point in points) or 1
    across, up = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    base = float(HEIGHT - _BOTTOM)

    def at(day: date) -> float:
        return round(_LEFT + across * (day - first).days / (last - first).days, 1)

    def height(amount: int) -> float:
        return round(base - up * amount / top, 1)

    used = " ".join(f"{at(point.day)},{height(point.used)}" for point in points)
    return Growth(
        used=used,
        granted=" ".join(f"{at(point.day)},{height(point.granted)}" for point in points),
        area=f"{at(first)},{base} {used} {at(last)},{base}",
        days=[Tick(at=at(day), label=to_day(day)) for day in _marks(first, last)],
        amounts=[Tick(at=height(amount), label=to_text(amount)) for amount in sorted({0, top // 2, top})],
        left=float(_LEFT), right=float(WIDTH - _RIGHT), base=base,
    )  # fmt: skip


def by_month(points: Sequence[Point]) -> list[Point]:
    """The last point of each month, for the table beside a plot."""
    return list({(point.day.year, point.day.month): point for point in points}.values())


def _marks(first: date, last: date) -> list[date]:
    """Four days at even distance: more would not fit on a telephone."""
    step = (last - first).days / 3
    return sorted({first + timedelta(days=round(step * number)) for number in range(4)})
