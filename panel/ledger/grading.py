"""What follows on nodes when a member's grade changes: every kind that is graded wants a new generation.

Who may change a grade, and how, is `panel.members.grading.set_grade`; which kinds are graded is told by the wiring.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from flask import current_app

from panel.kernel.access import Actor
from panel.kernel.db import Work

GRADED = "cis.graded"
"""Key in ``app.extensions`` of the call that raises the generations of all graded resources of a member."""

Raise = Callable[[Work, Actor, uuid.UUID], int]
"""Wants a new generation of a member's resources in the running unit of work, asks for one job for each node that has
some, and returns how many they are."""


def raise_generations(work: Work, actor: Actor, member_id: uuid.UUID) -> int:
    """Want everything graded of this member anew, in the running unit of work; return how much that is."""
    call: Raise | None = current_app.extensions.get(GRADED)
    return 0 if call is None else call(work, actor, member_id)
