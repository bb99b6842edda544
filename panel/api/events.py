"""Events: what happened to whom, by whom, when."""

from __future__ import annotations

from panel.api.fields import Id, Text
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of
from panel.kernel.access import Actor
from panel.ledger.events import Event, events_query
from panel.shapes import ledger as shapes
from panel.shapes import orders

_FILTERS = {
    "kind": Text(most=50, says="The kind of thing it happened to: mailbox, member …"),
    "resource_id": Id(),
    "tag": Text(most=100, says="How the tag begins: mail:mailbox"),
    "member_id": Id(),
    "node_id": Id(),
    "job_id": Id(),
}


@operation(
    "GET",
    "/events",
    permission="events:read",
    query=list_parameters(orders.EVENTS, _FILTERS | {"actor": Text(most=100)}, search=False),
    answer=page_of("Event"),
)
def list_events(actor: Actor, ask: Ask) -> Answer:
    """List events, newest first."""
    query = events_query(actor, **{name: ask.query[name] for name in _FILTERS if name in ask.query})
    query = query.where(Event.actor == ask.query["actor"]) if "actor" in ask.query else query
    return list_answer(ask, query, shapes.event, sorts=orders.EVENTS, default="-at")
