"""Plans of nodes as they look outside."""

from __future__ import annotations

from typing import Any

from panel.engine.approval import PlanView
from panel.shapes.values import moment


def plan(view: PlanView) -> dict[str, Any]:
    """What would change on a node. ``waiting``: only after somebody approved ``digest``; ``changes``: the first 500."""
    names = ("kind", "verb", "number", "total")
    return {
        "digest": view.digest,
        "made_at": moment(view.made_at),
        "waiting": view.waiting,
        "reason": view.reason,
        "counts": [dict(zip(names, count, strict=True)) for count in view.counts],
        "changes": [dict(change) for change in view.changes],
        "total": view.total,
        "requested_by": list(view.requested_by),
        "second_person": view.second_person,
    }
