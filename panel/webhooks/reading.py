"""What a message said, for those who look at the record of a webhook."""

from __future__ import annotations

from sqlalchemy import select

from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.ledger.events import Event
from panel.webhooks.models import Delivery


def event_of(actor: Actor, delivery: Delivery) -> tuple[bool, Event | None]:
    """Whether ``actor`` may see what a message says, and the event it is about; None for a test."""
    if delivery.event_id is None:
        return True, None
    event = db.session.scalar(select(Event).where(Event.id == delivery.event_id))
    if event is None or not actor.reaches(event.member_id):
        return False, None
    may_read = (
        actor.may_everywhere("events:read") if event.member_id is None else actor.may("events:read", event.member_id)
    )
    return may_read, event if may_read else None
