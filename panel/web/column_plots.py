"""From counts to the parts of a plot of columns: pure functions, drawn by ``templates/macros/plot.html`` as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from panel.web.plots import Tick

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 16, 32
_MARKS, _GAP = 4, 0.2


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One column: its ``label``, the counts stacked in it from below, and the height of the line over it."""

    label: str
    parts: tuple[int, ...]
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """A rectangle of a column; ``series``: which of the counts it is."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Columns:
    """A plot of columns: its rectangles, the ``points`` of the line, and the marks of both axes."""

    parts: list[Part]
    line: str
    labels: list[Tick]
    amounts: list[Tick]
    left: float
    right: float
    base: float


def columns(counted: Sequence[Counted], *, to_text: Callable[[int], str]) -> Columns | None:
    """Columns beside each other, the first one left; None where there is nothing to show."""
    top = max((max(sum(one.parts), one.line or 0) for one in counted), default=0)
    if not top:
        return None
    base, step = float(HEIGHT - _BOTTOM), (WIDTH - _LEFT - _RIGHT) / len(counted)
    unit = (base - _TOP) / top
    middles = [_LEFT + step * (place + 0.5) for place in range(len(counted))]
    lined = [(x, one.line) for x, one in zip(middles, counted, strict=True) if one.line is not None]
    return Columns(
        parts=[part for x, one in zip(middles, counted, strict=True) for part in _stack(one, x, step, base, unit)],
        line=" ".join(f"{x:.1f},{base - unit * amount:.1f}" for x, amount in lined),
        labels=[Tick(at=round(middles[place], 1), label=counted[place].label) for place in _marks(len(counted))],
        amounts=[Tick(at=round(base - unit * one, 1), label=to_text(one)) for one in sorted({0, top // 2, top})],
        left=float(_LEFT), right=float(WIDTH - _RIGHT), base=base,
    )  # fmt: skip


def _stack(one: Counted, x: float, step: float, base: float, unit: float) -> list[Part]:
    width, parts, below = step * (1 - _GAP), [], 0
    for series, count in enumerate(one.parts):
        below += count
        if count:
            y, height = round(base - unit * below, 1), round(unit * count, 1)
            parts.append(Part(series=series, x=round(x - width / 2, 1), y=y, width=round(width, 1), height=height))
    return parts


def _marks(count: int) -> list[int]:
    """Four places at even distance: more words would not fit on a telephone."""
    return sorted({round((count - 1) * number / (_MARKS - 1)) for number in range(_MARKS)})
