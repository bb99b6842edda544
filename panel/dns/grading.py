"""How far a member's grade bears on its zones: they are served until they end, but not for ever changed.

Residents have a right to what a zone leads to (docs/explanation/grades.md), so no node is told of a grade.
"""

from __future__ import annotations

from panel.contracts.standing import require_not_held
from panel.dns.models import Zone
from panel.kernel.access import Actor

UNCHANGED = ("no_login", "closed")
"""The grades at which the member's own people change nothing in its zones; the association's staff still may."""


def require_changeable(actor: Actor, zone: Zone) -> None:
    """Go on only if ``actor`` may change the zone at its member's grade. Raises Conflict ``member_held``."""
    member = zone.member
    if member is not None and member.grade in UNCHANGED and not actor.may_everywhere("dns:write"):
        require_not_held(member.id)
