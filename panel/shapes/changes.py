"""A change of many mailboxes, as it looks outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from panel.kernel.errors import PanelError
from panel.ledger.jobs import Job
from panel.mail.choosing import ChangePlan, Line

Say = Callable[[PanelError], str]


def change_plan(
    plan: ChangePlan, say: Say, *, jobs: Sequence[Job] = (), links: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What happens, or would, to each mailbox; ``say`` puts into words why not.

    ``links``: those just issued, by mailbox; no later answer holds them.
    """
    return {
        "action": plan.wish.action,
        "digest": plan.digest,
        "total": len(plan.lines),
        "counts": {verdict: plan.counts[verdict] for verdict in ("change", "unchanged", "refused")},
        "items": [_line(line, say, links or {}) for line in plan.lines],
        "jobs": [str(job.id) for job in jobs],
    }


def _line(line: Line, say: Say, links: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"id": str(line.row.id), "address": line.row.address, "verdict": line.verdict}
    if line.error is not None:
        told["problem"] = {"code": line.error.code, "message": say(line.error)}
    if str(line.row.id) in links:
        told["activation"] = {"link": links[str(line.row.id)]}
    return told
