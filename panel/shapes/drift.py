"""Differences and plans of repair as they look outside."""

from __future__ import annotations

from typing import Any

from panel.engine.drift import obstacle
from panel.engine.repair import RepairPlan, no_repair
from panel.ledger.differences import Difference
from panel.shapes.values import identifier, moment


def difference(row: Difference) -> dict[str, Any]:
    """A difference without its secrets; ``no_adopt`` and ``no_overwrite`` say by a code why not, null where one can."""
    return {
        "id": str(row.id),
        "node_id": str(row.node_id),
        "kind": row.kind,
        "resource_id": identifier(row.resource_id),
        "name": row.name,
        "what": row.what,
        "differs": [field.replace("password_hash", "password") for field in row.differs],
        "wanted": row.wanted,
        "found": row.found,
        "state": row.state,
        "reason": row.reason,
        "until": moment(row.until),
        "decided_by": row.decided_by,
        "decided_at": moment(row.decided_at),
        "first_seen_at": moment(row.first_seen_at),
        "last_seen_at": moment(row.last_seen_at),
        "no_adopt": obstacle(row),
        "no_overwrite": no_repair(row),
    }


def repair_plan(plan: RepairPlan) -> dict[str, Any]:
    """What overwriting all open differences would do; ``left`` can only be decided one by one."""
    counts = [{"kind": kind, "verb": verb, "number": number} for kind, verb, number, _ in plan.counts]
    return {
        "digest": plan.digest,
        "made_at": moment(plan.made_at),
        "counts": counts,
        "changes": list(plan.changes),
        "total": plan.total,
        "left": plan.left,
    }
