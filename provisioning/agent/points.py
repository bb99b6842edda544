"""The named points of a batch on a node, at which tests stop or kill the agent."""

from __future__ import annotations

from typing import Literal

Point = Literal["stage", "validate", "commit", "reload", "report"]


def reach(point: Point) -> None:
    """Pass a point; here nothing happens. Tests build a program whose copy of this module does something."""
