"""The named points of a run in a worker, at which tests stop or kill it."""

from __future__ import annotations

from typing import Literal

Point = Literal["claimed", "planned", "sent", "answered", "recorded", "looked", "finished"]


def reach(point: Point) -> None:
    """Pass a point; here nothing happens. Tests run a worker whose copy of this function does something."""
