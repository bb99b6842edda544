"""From events to messages: which webhook is told of what.

Events are read in the order of their chain, which has one writer: an event that was committed late stands at its end,
and none is passed over.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import database_now, db, one_at_a_time, table_of, unit_of_work
from panel.ledger.chain import Link, head
from panel.ledger.events import Event
from panel.members.tree import reach_of
from panel.webhooks.models import Delivery, Webhook

AT_ONCE = 2_000
KEPT_DAYS = 30

_events, _links = table_of(Event), table_of(Link)


def queue_events(actor: Actor) -> int:
    """Write a message for each webhook that wants to know of what was chained since; return how many."""
    require(actor, "nodes:write", staff=True)
    made = 0
    while _is_behind():
        with unit_of_work():
            one_at_a_time("webhooks")
            made += _read_on()
    return made


def forget_old_deliveries(actor: Actor) -> None:
    """Remove what was sent, or given up, KEPT_DAYS ago."""
    require(actor, "nodes:write", staff=True)
    old = (Delivery.created_at < database_now(-KEPT_DAYS * 24 * 3600)) & (Delivery.state != "queued")
    if db.session.scalar(select(Delivery.id).where(old).limit(1)) is None:
        return
    with unit_of_work():
        db.session.execute(delete(Delivery).where(old), execution_options={"synchronize_session": False})


def wants(webhook: Webhook, *, tag: str, kind: str | None) -> bool:
    """Whether a webhook is to be told of events with this tag about this kind of resource."""
    told_of_kind = not webhook.kinds or kind in webhook.kinds
    return told_of_kind and (not webhook.events or any(_begins(tag, word) for word in webhook.events))


def _begins(tag: str, word: str) -> bool:
    """Whether ``word`` is the tag, or whole parts of its beginning."""
    return tag == word or tag.startswith(word.rstrip(":") + ":")


def _is_behind() -> bool:
    found = select(Webhook.id).where(Webhook.active, Webhook.read_to < head()[0]).limit(1)
    return db.session.scalar(found) is not None


def _read_on() -> int:
    """Read the next part of the chain for whoever stands furthest back, and for all who want the same part."""
    query = select(Webhook).where(Webhook.active).execution_options(populate_existing=True)
    webhooks = db.session.scalars(query).unique().all()
    if not webhooks:
        return 0
    rows = _part(min(webhook.read_to for webhook in webhooks))
    if not rows:
        return 0
    through = rows[-1].seq
    made = [one for webhook in webhooks for one in _messages(webhook, rows)]
    execute_many(insert(Delivery).values(state="queued", attempts=0), made)
    behind = [webhook.id for webhook in webhooks if webhook.read_to < through]
    db.session.execute(update(Webhook).where(Webhook.id.in_(behind)).values(read_to=through))
    return len(made)


def _part(after: int) -> Sequence[Row[Any]]:
    columns = (_links.c.seq, *(_events.c[name] for name in ("id", "tag", "member_id", "resource_kind")))
    query = select(*columns).select_from(_links).join(_events, _events.c.id == _links.c.event_id)
    return db.session.execute(query.where(_links.c.seq > after).order_by(_links.c.seq).limit(AT_ONCE)).all()


def _messages(webhook: Webhook, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    reach: Collection[uuid.UUID] | None = None if webhook.member_id is None else reach_of([webhook.member_id])
    wanted = [
        row
        for row in rows
        if row.seq > webhook.read_to
        and (reach is None or row.member_id in reach)
        and wants(webhook, tag=row.tag, kind=row.resource_kind)
    ]
    return [
        {"id": id_, "webhook_id": webhook.id, "event_id": row.id, "tag": row.tag, "tries": []}
        for id_, row in zip(new_ids(len(wanted)), wanted, strict=True)
    ]
