"""Drift: looking at nodes, and deciding what they have otherwise than wanted."""

from __future__ import annotations

from datetime import UTC, datetime, time

from panel.api.fields import Day, Id, Shape, Text
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, accepted, operation
from panel.api.schemas import page_of, ref
from panel.engine import drift, repair
from panel.kernel.access import Actor
from panel.ledger.differences import STATES
from panel.ledger.nodes import get_node
from panel.shapes import drift as shapes
from panel.shapes import ledger, orders

_FILTERS = {
    "state": Text(choices=STATES, says="`open` if not said."),
    "kind": Text(most=100),
    "resource_id": Id(),
}
_KEEP = Shape(
    fields={
        "reason": Text(required=True, most=drift.REASON_MOST),
        "until": Day(required=True, says="Day on which it comes back, at most a year ahead."),
    }
)
_ADOPT = Shape(fields={"member_id": Id(nullable=True, says="Whose it shall be, where only the node knew it.")})
_APPROVE = Shape(fields={"digest": Text(required=True, most=64)})


@operation("POST", "/nodes/<uuid:id>/drift", permission="jobs:write", staff=True, answer=ref("Job"), statuses=(202,))
def check_node(actor: Actor, ask: Ask) -> Answer:
    """Ask for a look at what a node has otherwise than wanted."""
    return accepted(ledger.job(drift.request_check(actor, ask.id)))


@operation(
    "GET",
    "/nodes/<uuid:id>/differences",
    permission="nodes:read",
    staff=True,
    query=list_parameters(orders.DIFFERENCES, _FILTERS, search=False),
    answer=page_of("Difference"),
)
def list_differences(actor: Actor, ask: Ask) -> Answer:
    """List what a node has otherwise, the longest known first."""
    node = get_node(actor, ask.id)
    filters = {name: ask.query[name] for name in _FILTERS if name in ask.query}
    query = drift.differences_query(actor, node_id=node.id, **filters)
    return list_answer(ask, query, shapes.difference, sorts=orders.DIFFERENCES, default="first_seen_at")


@operation("GET", "/nodes/<uuid:id>/repair", permission="nodes:read", staff=True, answer=ref("RepairPlan"))
def show_repair(actor: Actor, ask: Ask) -> Answer:
    """Show what overwriting every open difference of a node would do."""
    return Answer(body=shapes.repair_plan(repair.repair_plan(actor, ask.id)))


@operation(
    "POST",
    "/nodes/<uuid:id>/repair",
    permission="drift:write",
    staff=True,
    body=_APPROVE,
    answer=ref("Job"),
    statuses=(202,),
)
def approve_repair(actor: Actor, ask: Ask) -> Answer:
    """Overwrite what the plan with this digest shows."""
    return accepted(ledger.job(repair.approve_repair(actor, ask.id, digest=ask.body["digest"])))


@operation("GET", "/differences/<uuid:id>", permission="nodes:read", staff=True, answer=ref("Difference"))
def show_difference(actor: Actor, ask: Ask) -> Answer:
    """Show a difference."""
    return Answer(body=shapes.difference(drift.get_difference(actor, ask.id)))


@operation(
    "POST", "/differences/<uuid:id>/keep", permission="drift:write", staff=True, body=_KEEP, answer=ref("Difference")
)
def keep_difference(actor: Actor, ask: Ask) -> Answer:
    """Leave a difference as it is until a day, or until the node shows something else."""
    until = datetime.combine(ask.body["until"], time(), UTC)
    return Answer(body=shapes.difference(drift.keep(actor, ask.id, reason=ask.body["reason"], until=until)))


@operation(
    "POST", "/differences/<uuid:id>/adopt", permission="drift:write", staff=True, body=_ADOPT, answer=ref("Difference")
)
def adopt_difference(actor: Actor, ask: Ask) -> Answer:
    """Make what the node has what is wanted, by the ordinary action of its kind."""
    return Answer(body=shapes.difference(drift.adopt(actor, ask.id, member_id=ask.body.get("member_id"))))


@operation(
    "POST",
    "/differences/<uuid:id>/overwrite",
    permission="drift:write",
    staff=True,
    answer=ref("Job"),
    statuses=(202,),
)
def overwrite_difference(actor: Actor, ask: Ask) -> Answer:
    """Have the node get what is wanted again; what nobody wanted goes."""
    return accepted(ledger.job(repair.overwrite(actor, ask.id)))
