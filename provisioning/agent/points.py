"""The named points of a batch on a node, at which tests stop or kill the agent.

*stage*: nothing is written. *validate*: all is written and not committed. *commit*: committed, and no service outside
the store knows. *reload*: the services know, and what is queued for them still stands. *report*: all is done, and the
panel does not know.
"""

from __future__ import annotations

from typing import Literal

Point = Literal["stage", "validate", "commit", "reload", "report"]


def reach(point: Point) -> None:
    """Pass a point; here nothing happens. Tests build a program whose copy of this module does something."""
