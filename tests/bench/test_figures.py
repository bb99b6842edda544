from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.figures import Figure, Reading, machine, table, write

HUNDRED = tuple(number / 1000 for number in range(1, 101))


def test_median_and_p95_are_those_of_the_samples() -> None:
    figure = Figure("x", HUNDRED)
    assert figure.median == pytest.approx(0.0505)
    assert figure.p95 == pytest.approx(0.095)


@pytest.mark.parametrize(
    ("median_max", "p95_max", "kept"), [(0.051, 0.095, True), (0.05, None, False), (1, 0.09, False)]
)
def test_a_promise_is_kept_or_not(median_max: float, p95_max: float | None, *, kept: bool) -> None:
    figure = Figure("x", HUNDRED, median_max, p95_max)
    assert figure.kept is kept
    assert ("NOT KEPT" in table([figure])) is not kept


def test_the_json_holds_machine_and_figures(tmp_path: Path) -> None:
    path = write([Figure("x", (0.1, 0.2, 0.3), 0.25)], machine(tmp_path), tmp_path)
    content = json.loads(path.read_text())
    assert content["figures"][0]["median_ms"] == 200.0
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["file_system"]


@pytest.mark.parametrize(("least", "most", "kept"), [(100, None, True), (None, 99, False), (121, 200, False)])
def test_an_amount_keeps_its_promise_or_not(least: float | None, most: float | None, *, kept: bool) -> None:
    reading = Reading("pages", 120.04, "requests/s", least, most)
    assert reading.kept is kept
    assert ("NOT KEPT" in table([reading])) is not kept
    assert reading.as_row()["value"] == 120.0
