"""Plans: what would change on a node, and letting go what waits for a person."""

from __future__ import annotations

from panel.api.fields import Shape, Text
from panel.api.operations import Answer, Ask, accepted, operation
from panel.api.schemas import ref
from panel.engine import approval
from panel.kernel.access import Actor
from panel.shapes import ledger
from panel.shapes import plans as shapes

_APPROVE = Shape(fields={"digest": Text(required=True, most=64)})


@operation("GET", "/nodes/<uuid:id>/plan", permission="nodes:read", staff=True, answer=ref("Plan"))
def show_plan(actor: Actor, ask: Ask) -> Answer:
    """Show what would change on a node now: what waits for approval, or else what is due, which may be nothing."""
    return Answer(body=shapes.plan(approval.current_plan(actor, ask.id)))


@operation(
    "POST",
    "/nodes/<uuid:id>/plan/approve",
    permission="plans:approve",
    staff=True,
    body=_APPROVE,
    answer=ref("Job"),
    statuses=(202,),
)
def approve_plan(actor: Actor, ask: Ask) -> Answer:
    """Let the plan with this digest go, if that is still what waits."""
    return accepted(ledger.job(approval.approve_plan(actor, ask.id, digest=ask.body["digest"])))
