"""Setting webhooks up, changing them, and looking at what was sent."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import Select, delete, func, select, update

from panel.kernel.access import Actor, require, require_on, scoped
from panel.kernel.db import database_now, db, new_id, one_at_a_time, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.kernel.text import has_control, one_line
from panel.ledger.chain import head
from panel.ledger.events import record
from panel.members.actions import require_members
from panel.webhooks.models import Delivery, Webhook
from panel.webhooks.signing import secret_of

NAME_MAX, URL_MAX, WORDS_MAX, WEBHOOKS_MAX = 100, 500, 50, 20
OVERLAP_SECONDS = 24 * 3600
"""For so long after a change of secret messages are signed with the earlier one too."""
TEST = "webhooks:test"
_KIND = re.compile(r"[a-z][a-z_]{0,39}")
_TAG = re.compile(r"[a-z][a-z_-]{0,39}(:[a-z][a-z_-]{0,39}){0,2}:?")


def webhooks_query(actor: Actor, *, member_id: uuid.UUID | None = None) -> Select[Webhook]:
    """The webhooks in scope, newest first."""
    query = scoped(actor, "webhooks:read", select(Webhook), Webhook.member_id).order_by(Webhook.id.desc())
    return query if member_id is None else query.where(Webhook.member_id == member_id)


def get_webhook(
    actor: Actor, webhook_id: uuid.UUID, *, permission: str = "webhooks:read", for_change: bool = False
) -> Webhook:
    """One webhook. Raises NotFound where it is absent or another member's."""
    row = read_row(Webhook, webhook_id, for_change=for_change)
    if row is None:
        raise NotFound("not_found")
    require_on(actor, permission, row.member_id)
    _require_kinds(actor, row.kinds)
    return row


def create_webhook(
    actor: Actor,
    *,
    url: str,
    name: str = "",
    member_id: uuid.UUID | None = None,
    kinds: Sequence[str] = (),
    events: Sequence[str] = (),
) -> tuple[Webhook, str]:
    """Set one up for what happens from now on; its secret is returned this once.

    Raises NotAllowed without the right to read the events, or without a fresh second factor; Invalid naming the field;
    Conflict ``webhooks_many``.
    """
    _require_sender(actor, member_id)
    values = _checked(actor, url=url, name=name, kinds=kinds, events=events)
    if member_id is not None:
        require_members([member_id])
    with unit_of_work():
        one_at_a_time("webhooks")
        of_member = Webhook.member_id.is_(None) if member_id is None else Webhook.member_id == member_id
        if (db.session.scalar(select(func.count()).select_from(Webhook).where(of_member)) or 0) >= WEBHOOKS_MAX:
            raise Conflict("webhooks_many", most=WEBHOOKS_MAX)
        row = Webhook(id=new_id(), member_id=member_id, read_to=head()[0], **values)
        _hand_to(row, actor)
        db.session.add(row)
        _record(actor, row, "create")
    return row, secret_of(current_app.config["CIS"], row.id, row.secret_number)


def change_webhook(
    actor: Actor,
    webhook_id: uuid.UUID,
    *,
    active: bool | None = None,
    **values: Any,
) -> Webhook:
    """Change name, address, kinds or events; ``active`` switches it on or off. From then on it is the changer's.

    What a token changed ends with that token, as what it set up does; a person who changes it takes it over.

    What happened while it was off is not sent later. Raises NotFound, NotAllowed, Invalid.
    """
    with unit_of_work():
        row = _for_change(actor, webhook_id)
        same = {name: getattr(row, name) for name in ("url", "name", "kinds", "events")}
        for name, value in _checked(actor, **(same | values)).items():
            setattr(row, name, value)
        _hand_to(row, actor)
        if active is not None:
            _switch(row, on=active)
        _touch(row)
        _record(actor, row, "change")
    return row


def rotate_secret(actor: Actor, webhook_id: uuid.UUID) -> tuple[Webhook, str]:
    """Make a new secret, returned this once; the earlier one signs too for OVERLAP_SECONDS."""
    with unit_of_work():
        row = _for_change(actor, webhook_id)
        row.secret_number += 1
        row.old_secret_until = db.session.scalars(select(database_now(OVERLAP_SECONDS))).one()
        _touch(row)
        _record(actor, row, "rotate")
    return row, secret_of(current_app.config["CIS"], row.id, row.secret_number)


def remove_webhook(actor: Actor, webhook_id: uuid.UUID) -> None:
    """Take a webhook away with the record of what was sent by it."""
    with unit_of_work():
        row = _for_change(actor, webhook_id)
        db.session.execute(delete(Delivery).where(Delivery.webhook_id == row.id))
        _record(actor, row, "remove")
        db.session.delete(row)


def send_test(actor: Actor, webhook_id: uuid.UUID) -> Delivery:
    """Have a message sent that is about nothing. Raises Conflict ``webhook_off``."""
    with unit_of_work():
        row = _for_change(actor, webhook_id)
        if not row.active:
            raise Conflict("webhook_off")
        delivery = Delivery(id=new_id(), webhook_id=row.id, tag=TEST, tries=[])
        row.retry_at = None
        db.session.add(delivery)
    return delivery


def deliveries_query(actor: Actor, webhook_id: uuid.UUID, *, state: str | None = None) -> Select[Delivery]:
    """What was sent by a webhook, newest first."""
    row = get_webhook(actor, webhook_id)
    query = select(Delivery).where(Delivery.webhook_id == row.id).order_by(Delivery.id.desc())
    return query if state is None else query.where(Delivery.state == state)


def get_delivery(actor: Actor, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Delivery:
    """One message of a webhook. Raises NotFound."""
    row = db.session.scalar(deliveries_query(actor, webhook_id).where(Delivery.id == delivery_id))
    if row is None:
        raise NotFound("not_found")
    return row


def resend(actor: Actor, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Delivery:
    """Send a message again under its own id. Raises NotFound, Conflict ``webhook_off``."""
    with unit_of_work():
        row = _for_change(actor, webhook_id)
        if not row.active:
            raise Conflict("webhook_off")
        delivery = get_delivery(actor, webhook_id, delivery_id)
        delivery.state, delivery.attempts, delivery.retry_at, delivery.ended_at = "queued", 0, None, None
        row.retry_at = None
    return delivery


def _for_change(actor: Actor, webhook_id: uuid.UUID) -> Webhook:
    row = get_webhook(actor, webhook_id, permission="webhooks:write", for_change=True)
    _require_sender(actor, row.member_id, by_hand=actor.user_id is None)
    return row


def _hand_to(row: Webhook, actor: Actor) -> None:
    """Have it sent in the actor's right; what the command line changes stays whose it is."""
    if actor.user_id is not None:
        source, _colon, name = actor.ref.partition(":")
        row.user_id, row.token_id = actor.user_id, uuid.UUID(name) if source == "token" else None


def _require_sender(actor: Actor, member_id: uuid.UUID | None, *, by_hand: bool = False) -> None:
    """Only who may read the events may have them sent elsewhere, and only a person, or their token, owns a webhook."""
    for permission in ("webhooks:write", "events:read"):
        require(actor, permission, member_id, staff=member_id is None)
    if not actor.fresh or (actor.user_id is None and not by_hand):
        raise NotAllowed("fresh_factor_needed", permission="webhooks:write")


def _checked(actor: Actor, *, url: str, name: str, kinds: Sequence[str], events: Sequence[str]) -> dict[str, Any]:
    kinds, events = _words("kinds", kinds, _KIND), _words("events", events, _TAG)
    _require_kinds(actor, kinds)
    url = _checked_url(url)
    return {"name": one_line("name", name or urlsplit(url).hostname, most=NAME_MAX), "url": url, "kinds": kinds,
            "events": events}  # fmt: skip


def _require_kinds(actor: Actor, kinds: Sequence[str]) -> None:
    """Go on only if the actor's token covers all that events of ``kinds`` are about; no kinds are all kinds."""
    if actor.kinds is not None and not (kinds and {_collection(kind) for kind in kinds} <= actor.kinds):
        raise NotAllowed("not_allowed", permission="webhooks:write")


def _collection(kind: str) -> str:
    """What tokens call the kind that events call ``kind``: mailboxes, mail-domains; aliases go with mailboxes."""
    name = "mailbox" if kind == "alias" else kind.replace("_", "-")
    return f"{name}es" if name.endswith(("x", "s")) else f"{name}s"


def _words(field: str, words: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    if len(words) > WORDS_MAX:
        raise Invalid("number_range", field=field, least=0, most=WORDS_MAX)
    for word in words:
        if not pattern.fullmatch(word):
            raise Invalid("webhook_word", field=field, name=word[:80])
    return list(dict.fromkeys(words))


def _checked_url(url: str) -> str:
    url = url.strip()
    schemes = ("https", "http") if current_app.config["CIS"].env == "lab" else ("https",)
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        raise Invalid("url_bad", field="url") from None
    is_plain = url.isascii() and " " not in url and not has_control(url) and not parts.fragment
    if not is_plain or parts.scheme not in schemes or not parts.hostname or parts.username is not None:
        raise Invalid("url_bad", field="url")
    if not port_is_good or len(url) > URL_MAX:
        raise Invalid("url_bad", field="url")
    return url


def _switch(row: Webhook, *, on: bool) -> None:
    if on and not row.active:
        row.read_to = head()[0]
        row.failures, row.failing_since, row.retry_at = 0, None, None
    if not on and row.active:
        end_queued(row.id)
    row.active, row.off_reason = on, "" if on else row.off_reason or "person"


def end_queued(webhook_id: uuid.UUID) -> None:
    """Give up what waits to be sent by a webhook that is switched off, within the running unit of work."""
    db.session.execute(
        update(Delivery)
        .where(Delivery.webhook_id == webhook_id, Delivery.state == "queued")
        .values(state="failed", ended_at=database_now(), retry_at=None),
        execution_options={"synchronize_session": False},
    )


def _touch(row: Webhook) -> None:
    row.version, row.updated_at = row.version + 1, utcnow()


def _record(actor: Actor, row: Webhook, action: str) -> None:
    record(actor, f"webhooks:webhook:{action}", kind="webhook", resource_id=row.id, name=row.name,
           member_id=row.member_id)  # fmt: skip
