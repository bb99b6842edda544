"""From messages to requests: claimed by the database's clock, signed, sent, tried again with patience.

A receiver that does not answer is left in peace for a while with all that waits for it, so that one that is away costs
one attempt, not one for each message; what only one message is refused for holds up no other.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select, update

from config import Settings
from panel.identity.actions import actor_by_token, actor_for_user
from panel.identity.models import ApiToken
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.outgoing import CannotFetch, fetch
from panel.ledger.events import Event
from panel.ledger.nodes import Node
from panel.members.tree import reach_of
from panel.webhooks.models import Delivery, Webhook
from panel.webhooks.outcomes import Try, note_tries, switch_off
from panel.webhooks.signing import signed_headers

AT_ONCE, LANES, LANE_SECONDS = 20, 8, 60.0
CLAIM_SECONDS = 300
ANSWER_MOST = 500

Shape = Callable[[Event], Mapping[str, Any]]
"""What an event looks like outside."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One message as it leaves; what it says and the mark on it are no business of logs."""

    delivery_id: uuid.UUID
    body: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Lane:
    """What goes to one webhook in a round."""

    webhook_id: uuid.UUID
    url: str = field(repr=False)
    secrets: tuple[int, ...]
    parcels: tuple[Parcel, ...]


def deliverer(settings: Settings, shape: Shape) -> Callable[[Actor], int]:
    """The chore that sends what is due, each webhook's messages one after the other, LANES webhooks at once."""

    def deliver_webhooks(actor: Actor) -> int:
        require(actor, "nodes:write", staff=True)
        lanes = _lanes(_claim(), shape)
        refused = _nodes() if lanes else frozenset()
        with ThreadPoolExecutor(LANES, thread_name_prefix="webhook") as pool:
            for lane, tries in zip(
                lanes, pool.map(lambda lane: _send_all(settings, lane, refused), lanes), strict=True
            ):
                note_tries(lane.webhook_id, [parcel.delivery_id for parcel in lane.parcels], tries)
        return sum(len(lane.parcels) for lane in lanes)

    return deliver_webhooks


def payload(delivery: Delivery, event: Event | None, shape: Shape) -> dict[str, Any]:
    """What a message says; ``data`` is empty for a test, and for an event that is no more."""
    moment = delivery.created_at if event is None else event.at
    data = {} if event is None else dict(shape(event))
    return {"id": str(delivery.id), "type": delivery.tag, "timestamp": moment.isoformat(), "data": data}


def readable(webhook: Webhook, events: Iterable[Event]) -> set[uuid.UUID]:
    """The ids of those of ``events`` that the webhook's owner may read now, and that its member still covers."""
    owner = owner_of(webhook)
    reach = None if webhook.member_id is None else reach_of([webhook.member_id])
    return {
        event.id
        for event in events
        if (reach is None or event.member_id in reach)
        and owner is not None
        and (owner.may_everywhere("events:read") or (event.member_id and owner.may("events:read", event.member_id)))
    }


def owner_of(webhook: Webhook) -> Actor | None:
    """In whose right it sends now: its owner's, or the token's that set it up; None where that token has ended."""
    if webhook.token_id is None:
        return actor_for_user(webhook.user)
    return actor_by_token(db.session.get_one(ApiToken, webhook.token_id, populate_existing=True))


def why_not(webhook: Webhook) -> str | None:
    """Why the owner may read the events of the webhook's member (or all, where it has none) no more; None: they may."""
    owner = owner_of(webhook)
    if owner is None:
        return "token"
    may = owner.may("events:read", webhook.member_id) if webhook.member_id else owner.may_everywhere("events:read")
    return None if may else "owner"


def _claim() -> list[Delivery]:
    """Messages whose time has come, in this worker's hands for CLAIM_SECONDS: AT_ONCE of each webhook."""
    due = or_(Delivery.retry_at.is_(None), Delivery.retry_at <= database_now())
    open_now = Webhook.active & or_(Webhook.retry_at.is_(None), Webhook.retry_at <= database_now())
    waiting = select(Delivery.webhook_id).where(Delivery.state == "queued", due).distinct()
    webhooks = db.session.scalars(select(Webhook.id).where(Webhook.id.in_(waiting), open_now)).all()
    ids: list[uuid.UUID] = []
    for webhook_id in webhooks:
        of_it = select(Delivery.id).where(Delivery.webhook_id == webhook_id, Delivery.state == "queued", due)
        with unit_of_work():
            ids += db.session.scalars(
                update(Delivery)
                .where(Delivery.id.in_(of_it.order_by(Delivery.id).limit(AT_ONCE)), Delivery.state == "queued", due)
                .values(retry_at=database_now(CLAIM_SECONDS), attempts=Delivery.attempts + 1)
                .returning(Delivery.id),
                execution_options={"synchronize_session": False},
            )
    found = select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.id)
    return list(db.session.scalars(found.execution_options(populate_existing=True)))


def _lanes(deliveries: Sequence[Delivery], shape: Shape) -> list[Lane]:
    ids = {one.event_id for one in deliveries if one.event_id}
    events = {event.id: event for event in db.session.scalars(select(Event).where(Event.id.in_(ids)))}
    by_webhook: dict[uuid.UUID, list[Delivery]] = defaultdict(list)
    for one in deliveries:
        by_webhook[one.webhook_id].append(one)
    lanes = [_lane(webhook_id, some, events, shape) for webhook_id, some in by_webhook.items()]
    return [lane for lane in lanes if lane.parcels]


def _lane(webhook_id: uuid.UUID, some: Sequence[Delivery], events: dict[uuid.UUID, Event], shape: Shape) -> Lane:
    """What may be sent; the rest is marked as withheld, since its owner may not read it any more."""
    webhook = db.session.get_one(Webhook, webhook_id, populate_existing=True)
    if (why := why_not(webhook)) is not None:
        with unit_of_work():
            switch_off(webhook, why)
        return Lane(webhook_id=webhook_id, url="", secrets=(), parcels=())
    may_read = readable(webhook, (events[one.event_id] for one in some if one.event_id in events))
    kept_back = [one.id for one in some if one.event_id is not None and one.event_id not in may_read]
    if kept_back:
        with unit_of_work():
            values = {"state": "withheld", "retry_at": None, "ended_at": database_now()}
            db.session.execute(update(Delivery).where(Delivery.id.in_(kept_back)).values(**values),
                               execution_options={"synchronize_session": False})  # fmt: skip
    number = webhook.secret_number
    return Lane(
        webhook_id=webhook_id,
        url=webhook.url,
        secrets=(number, number - 1) if _old_secret_holds(webhook_id) else (number,),
        parcels=tuple(
            Parcel(delivery_id=one.id, body=json.dumps(payload(one, events.get(one.event_id or one.id), shape)))
            for one in some
            if one.id not in kept_back
        ),
    )


def _old_secret_holds(webhook_id: uuid.UUID) -> bool:
    query = select(Webhook.id).where(Webhook.id == webhook_id, Webhook.old_secret_until > database_now())
    return db.session.scalar(query) is not None


def _nodes() -> frozenset[str]:
    """Addresses and names of our own nodes, to which nothing is sent."""
    return frozenset(part for row in db.session.execute(select(Node.address, Node.hostname)) for part in row)


def _send_all(settings: Settings, lane: Lane, refused: frozenset[str]) -> list[Try]:
    """Send a webhook's messages in turn, until it proves to be away or its time is over; in a thread of its own."""
    tries: list[Try] = []
    until = time.monotonic() + LANE_SECONDS
    for parcel in lane.parcels:
        tries.append(_send(settings, lane, parcel, refused))
        if tries[-1].is_away or time.monotonic() > until:
            break
    return tries


def _send(settings: Settings, lane: Lane, parcel: Parcel, refused: frozenset[str]) -> Try:
    marks = signed_headers(
        settings, lane.webhook_id, lane.secrets, message_id=str(parcel.delivery_id), moment=int(time.time()),
        body=parcel.body,
    )  # fmt: skip
    headers = {"Content-Type": "application/json", "User-Agent": "CIS-Panel-Webhooks/1", **marks}
    begun = time.monotonic()
    try:
        answer = fetch(settings, lane.url, form=parcel.body, headers=headers, refused=refused)
    except CannotFetch as error:
        return Try(delivery_id=parcel.delivery_id, ms=_since(begun), problem=error.why)
    text = answer.body[: 4 * ANSWER_MOST].decode(errors="replace")[:ANSWER_MOST]
    plain = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return Try(delivery_id=parcel.delivery_id, ms=_since(begun), status=answer.status, answer=plain)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
