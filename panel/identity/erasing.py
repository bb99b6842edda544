"""Erasing a person: name and address leave the account and the events; that something happened stays, and is proved.

What the law keeps is not touched: contracts, and who did what by the account's number
(``docs/explanation/records.md``).
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, Table, Text, cast, delete, func, or_, select, update

from panel.identity.addresses import former_addresses
from panel.identity.invitations import Invitation
from panel.identity.last_admins import tell_of_last
from panel.identity.limits import Attempts, account_key
from panel.identity.mentions import count_mentions, count_staying, spellings, take_out
from panel.identity.models import ApiToken, User
from panel.identity.people import person_for_change, require_admin_left, require_not_above
from panel.kernel.access import Actor, require
from panel.kernel.db import Base, database_now, db, one_at_a_time, unit_of_work
from panel.kernel.errors import Conflict, NotAllowed, NotFound
from panel.kernel.text import one_line
from panel.ledger.erasing import PERSON, erase_values, names_of
from panel.ledger.events import Event, EventDetail, record

KEPT = frozenset({"api_tokens", "grants", "imports", "jobs", "staff_looks", "step_ins", "webhooks"})
"""Tables that say by an account's number who did or might do what. Rows of all others go with the person."""

REASON_MOST = 500
_GONE = "@erased.invalid"


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What erasing ``user`` takes: values from so many events, and so many rows of each table.

    ``mentions``: in so many rows of each table others wrote of the person, and the name is taken out. ``stays``: so
    many rows keep the person's address, by the reason for it (``personal.py``).
    """

    user: User
    events: int
    values: int
    rows: dict[str, int]
    mentions: dict[str, int]
    stays: dict[str, int]


def preview_erasure(actor: Actor, user_id: uuid.UUID) -> Erasure:
    """Tell what would go. Raises NotFound, and Conflict ``erased`` for who was erased already."""
    user = _person(actor, user_id)
    found = list(_naming(user))
    going = {table.name: of_them for table, of_them in _tables(user)}
    counts = {name: db.session.scalar(select(func.count()).select_from(Base.metadata.tables[name]).where(of_them))
              for name, of_them in going.items()}  # fmt: skip
    return Erasure(
        user=user,
        events=len(found),
        values=sum(len(names) for _detail, names in found),
        rows={name: count for name, count in counts.items() if count},
        mentions=count_mentions(user.name, _addresses(user), going),
        stays=count_staying(user.name, _addresses(user)),
    )


def erase_person(actor: Actor, user_id: uuid.UUID, *, reason: str) -> Erasure:
    """Erase a person for good. ``reason`` is kept and names nobody.

    Raises NotAllowed (no fresh second factor, oneself, somebody who holds more), Conflict ``last_admin``, ``erased``.
    """
    require(actor, "records:erase", staff=True)
    if not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="records:erase")
    reason = one_line("reason", reason, least=1, most=REASON_MOST)
    with unit_of_work():
        one_at_a_time("users")
        user = person_for_change(actor, _person(actor, user_id).id)
        if user.id == actor.user_id:
            raise NotAllowed("own_rights", permission="records:erase")
        require_not_above(actor, user)
        require_admin_left(without_user=user.id)
        done = preview_erasure(actor, user_id)
        event_id = record(
            actor,
            PERSON,
            kind="user",
            resource_id=user.id,
            events=done.events,
            values=done.values,
            reason=reason.strip(),
        )
        erase_values(event_id, _naming(user))
        name, addresses = user.name, _addresses(user)
        for table, of_them in _tables(user):
            db.session.execute(delete(table).where(of_them))
        _blank(user)
        take_out(name, addresses)
    db.session.expire_all()
    return done


def _person(actor: Actor, user_id: uuid.UUID) -> User:
    require(actor, "records:erase", staff=True)
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None:
        raise NotFound("not_found")
    if user.email.endswith(_GONE):
        raise Conflict("erased")
    return user


def _blank(user: User) -> None:
    """An account that nobody has: no name, no address, no way in, no rights."""
    user.email, user.name = f"{user.id.hex}{_GONE}", ""
    user.password = user.tf_totp_secret = user.tf_primary_method = None
    user.active, user.fs_uniquifier = False, secrets.token_hex(16)
    user.last_login_ip = user.current_login_ip = user.last_login_at = user.current_login_at = None
    gone = list(user.grants)
    user.grants.clear()
    tell_of_last(gone)
    db.session.execute(update(Invitation).where(Invitation.inviter_id == user.id).values(inviter_name=""))
    ended = func.coalesce(ApiToken.revoked_at, database_now())
    db.session.execute(update(ApiToken).where(ApiToken.maker_id == user.id).values(name="", revoked_at=ended))


def _tables(user: User) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """The tables whose rows are about nobody but ``user``, those first that point at others; what is meant of each."""
    addresses = _addresses(user)
    known = {"user_id": [user.id], "accepted_by_id": [user.id], "email": addresses}
    for table in reversed(Base.metadata.sorted_tables):
        if table.name == "users" or table.name in KEPT:
            continue
        of_them = [table.c[name].in_(values) for name, values in known.items() if name in table.c]
        if table.name == Attempts.__tablename__:
            of_them.append(table.c.key.in_([account_key(address) for address in addresses]))
        if of_them:
            yield table, or_(*of_them)


def _addresses(user: User) -> list[str]:
    """The e-mail by which ``user`` signs in, and those of before."""
    return [user.email, *former_addresses(user.id)]


def _naming(user: User) -> Iterator[tuple[EventDetail, list[str]]]:
    """Details of events that name ``user``, and which of their values do."""
    tokens = list(db.session.scalars(select(ApiToken.id).where(ApiToken.maker_id == user.id)))
    refs = [f"user:{user.id}", *(f"token:{id_}" for id_ in tokens)]
    for event, detail in db.session.execute(_candidates(user, refs, [user.id, *tokens])).unique():
        here = _named_in(user, detail, by=event.actor in refs, about=event.resource_id in {user.id, *tokens})
        if here:
            yield detail, here


def _named_in(user: User, detail: EventDetail, *, by: bool, about: bool) -> list[str]:
    texts = _texts(user)
    found = {f"data.{name}" for name, value in detail.data.items() if any(text in _json(value) for text in texts)}
    if by or detail.actor_name in (user.name, user.email):
        found.add("actor_name")
    if about or detail.resource_name in (user.name, user.email):
        found.add("resource_name")
    values = {"actor_name": detail.actor_name, "resource_name": detail.resource_name}
    return [name for name in names_of(detail) if name in found and values.get(name, name)]


def _candidates(user: User, refs: Sequence[str], ids: Sequence[uuid.UUID]) -> Select[Event, EventDetail]:
    texts = [text for text in (user.name, *_addresses(user)) if text]
    data = cast(EventDetail.data, Text)
    named = [data.contains(text, autoescape=True) for text in _texts(user)]
    return (
        select(Event, EventDetail)
        .join(EventDetail, EventDetail.event_id == Event.id)
        .where(
            or_(
                Event.actor.in_(refs),
                Event.resource_id.in_(ids),
                EventDetail.actor_name.in_(texts),
                EventDetail.resource_name.in_(texts),
                *named,
            )
        )
        .order_by(Event.id)
        .execution_options(populate_existing=True)
    )


def _texts(user: User) -> list[str]:
    """What names the person inside other values, as JSON writes it; one word alone may be anybody's."""
    return [_json(text)[1:-1] for text in spellings(user.name, _addresses(user))]


def _json(value: object) -> str:
    return json.dumps(value)
