"""Events: what happened to whom, by whom, when."""

from __future__ import annotations

from datetime import UTC, datetime, time

from panel.api.fields import Day, Id, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of
from panel.kernel.access import Actor
from panel.ledger.events import Event, EventDetail, events_query
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
_WHO = {
    "actor": Text(most=100, says="Whose account or token did it: user:ID, token:ID, cli:NAME, system:NAME"),
    "on_behalf_of": Text(most=100, says="Who of the staff did it in a member's view: user:ID"),
}
_NAME = {"name": Text(most=254, says="What it was called when it happened.")}
_WHEN = {"since": Day(says="From this day on, UTC."), "until": Day(says="Up to this day, UTC.")}


@operation(
    "GET",
    "/events",
    permission="events:read",
    query=list_parameters(orders.EVENTS, _FILTERS | _NAME | _WHO | _WHEN, search=False),
    answer=page_of("Event"),
)
def list_events(actor: Actor, ask: Ask) -> Answer:
    """List events, newest first."""
    query = events_query(actor, **{name: ask.query[name] for name in _FILTERS if name in ask.query})
    query = narrowed(ask, query, {name: getattr(Event, name) for name in _WHO})
    if "name" in ask.query:
        query = query.where(Event.detail.has(EventDetail.resource_name == ask.query["name"]))
    if "since" in ask.query:
        query = query.where(Event.at >= datetime.combine(ask.query["since"], time(), UTC))
    if "until" in ask.query:
        query = query.where(Event.at <= datetime.combine(ask.query["until"], time.max, UTC))
    return list_answer(ask, query, shapes.event, sorts=orders.EVENTS, default="-at")
