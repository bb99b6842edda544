"""Erasing a person: name and address leave the account and the events; that something happened stays, and is proved.

What the law keeps is not touched: contracts, and who did what by the account's number
(``docs/explanation/records.md``).
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import asdict, dataclass

from sqlalchemy import func, select, update

from panel.identity.addresses import former_addresses
from panel.identity.invitations import Invitation
from panel.identity.last_admins import tell_of_last
from panel.identity.models import ApiToken, User
from panel.identity.people import person_for_change, require_admin_left, require_not_above
from panel.identity.traces import Person, Traces, remove_traces, traces_of
from panel.kernel.access import Actor, require, require_kind
from panel.kernel.db import database_now, db, one_at_a_time, unit_of_work
from panel.kernel.errors import Conflict, NotAllowed, NotFound
from panel.kernel.text import one_line
from panel.ledger.erasing import PERSON
from panel.ledger.events import record

REASON_MOST = 500
_GONE = "@erased.invalid"


@dataclass(frozen=True, kw_only=True)
class Erasure(Traces):
    """What erasing ``user`` takes."""

    user: User


def preview_erasure(actor: Actor, user_id: uuid.UUID) -> Erasure:
    """Tell what would go. Raises NotFound, and Conflict ``erased`` for who was erased already."""
    user = _user(actor, user_id)
    return Erasure(user=user, **asdict(traces_of(_person(user))))


def erase_person(actor: Actor, user_id: uuid.UUID, *, reason: str) -> Erasure:
    """Erase a person for good. ``reason`` is kept and names nobody.

    Raises NotAllowed (no fresh second factor, oneself, somebody who holds more), Conflict ``last_admin``, ``erased``.
    """
    reason = checked_reason(actor, reason)
    with unit_of_work():
        one_at_a_time("users")
        user = person_for_change(actor, _user(actor, user_id).id)
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
            reason=reason,
        )
        person = _person(user)
        _blank(user)
        remove_traces(person, erasure_id=event_id)
    db.session.expire_all()
    return done


def checked_reason(actor: Actor, reason: str) -> str:
    """The reason as it is kept, of one who may erase now. Raises NotAllowed without a fresh second factor, Invalid."""
    require(actor, "records:erase", staff=True)
    if not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="records:erase")
    return one_line("reason", reason, least=1, most=REASON_MOST)


def _user(actor: Actor, user_id: uuid.UUID) -> User:
    require(actor, "records:erase", staff=True)
    require_kind(actor, "users")
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


def _person(user: User) -> Person:
    """The account's person: by the e-mail of now, those of before, and the tokens made."""
    tokens = db.session.scalars(select(ApiToken.id).where(ApiToken.maker_id == user.id))
    addresses = (user.email, *former_addresses(user.id))
    return Person(name=user.name, addresses=addresses, account_id=user.id, token_ids=frozenset(tokens))
