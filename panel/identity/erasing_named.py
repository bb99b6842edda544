"""Erasing people who have no account: known by a name, by e-mail addresses, or both.

Holders of mailboxes, contact persons of members, authors of what was pasted into notes. Who signs in is erased by the
account (``erasing.py``), since only that way the account's own traces go too.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, or_, select

from panel.identity.addresses import EmailChange, checked_email
from panel.identity.erasing import checked_reason
from panel.identity.models import User
from panel.identity.traces import Person, Traces, remove_traces, traces_of
from panel.kernel.access import Actor, require, require_kind
from panel.kernel.db import db, one_at_a_time, unit_of_work
from panel.kernel.errors import Conflict, Invalid
from panel.kernel.text import one_line
from panel.ledger.erasing import PERSON
from panel.ledger.events import record

EMAILS_MOST, NAME_MOST = 20, 200


@dataclass(frozen=True, kw_only=True)
class NamedErasure(Traces):
    """What erasing the ``person`` takes. ``namesakes``: so many accounts bear that name, and are left alone."""

    person: Person
    namesakes: int


def preview_named(actor: Actor, *, name: str = "", emails: Sequence[str] = ()) -> NamedErasure:
    """Tell what would go of a person who has no account.

    A name has two words at least: one word may be anybody's. Raises Invalid ``name``, ``emails``, and Conflict
    ``erase_account`` with the account's ``id`` where somebody signs in, or signed in, by one of ``emails``.
    """
    require(actor, "records:erase", staff=True)
    require_kind(actor, "users")
    person = _person(name, emails)
    user_id = _account_of(person)
    if user_id is not None:
        raise Conflict("erase_account", field="emails", id=str(user_id))
    return NamedErasure(person=person, namesakes=_namesakes(person.name), **asdict(traces_of(person)))


def erase_named(actor: Actor, *, reason: str, name: str = "", emails: Sequence[str] = ()) -> NamedErasure:
    """Erase a person who has no account, for good. ``reason`` is kept and names nobody.

    Raises what ``preview_named`` raises, NotAllowed without a fresh second factor, Conflict ``nothing_found``.
    """
    reason = checked_reason(actor, reason)
    with unit_of_work():
        one_at_a_time("users")
        done = preview_named(actor, name=name, emails=emails)
        if not (done.events or done.rows or done.mentions):
            raise Conflict("nothing_found")
        event_id = record(actor, PERSON, events=done.events, values=done.values, reason=reason)
        remove_traces(done.person, erasure_id=event_id)
    db.session.expire_all()
    return done


def _person(name: str, emails: Sequence[str]) -> Person:
    name = one_line("name", name, most=NAME_MOST)
    if len(emails) > EMAILS_MOST:
        raise Invalid("emails_many", field="emails", most=EMAILS_MOST)
    addresses = tuple(dict.fromkeys(_email(one) for one in emails if one.strip()))
    if (name or not addresses) and len([word for word in name.split() if any(map(str.isalpha, word))]) < 2:
        raise Invalid("whole_name", field="name")
    return Person(name=name, addresses=addresses)


def _email(text: str) -> str:
    try:
        return checked_email(text)
    except Invalid:
        raise Invalid("email_bad", field="emails") from None


def _account_of(person: Person) -> uuid.UUID | None:
    """The account by whose address, of now or of before, the person is known."""
    former = select(EmailChange.user_id).where(
        or_(
            EmailChange.old_email.in_(person.addresses),
            EmailChange.new_email.in_(person.addresses) & EmailChange.confirmed_at.is_not(None),
        )
    )
    query = select(User.id).where(or_(User.email.in_(person.addresses), User.id.in_(former)))
    return db.session.scalar(query.limit(1))


def _namesakes(name: str) -> int:
    query = select(func.count()).select_from(User).where(User.name == name)
    return (db.session.scalar(query) or 0) if name else 0
