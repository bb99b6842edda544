"""Whose pages the staff opened: one row for each person, member and day; and all accesses of staff, for the member."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select

from panel.identity.models import User
from panel.identity.step_ins import StaffLook, StepIn
from panel.identity.stepping_in import step_ins_query
from panel.kernel.access import Actor, scoped
from panel.kernel.db import db, insert_unless_there, unit_of_work, utcnow
from panel.kernel.i18n import TIME_ZONE

RECENT = timedelta(days=30)
_KNOWN_MOST = 10_000
_known: set[tuple[uuid.UUID, uuid.UUID, date]] = set()
"""What this process has written down already: all pages but the day's first cost nothing."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """One access of staff to a member: a stay in its view with its reason, or a day on which pages were opened."""

    name: str
    at: datetime
    reason: str = ""


def note_look(actor: Actor, member_id: uuid.UUID) -> None:
    """Write down that somebody of the staff opened a page of this member today."""
    if actor.user_id is None:
        return
    key = (member_id, actor.user_id, utcnow().astimezone(ZoneInfo(TIME_ZONE)).date())
    if key in _known:
        return
    with unit_of_work() as work:
        new = insert_unless_there(StaffLook).values(member_id=key[0], user_id=key[1], day=key[2], at=utcnow())
        db.session.execute(new.on_conflict_do_nothing())
        work.after_commit(("look", str(key)), lambda: _remember(key))


def looks_query(actor: Actor, *, member_id: uuid.UUID | None = None) -> Select[StaffLook]:
    """The days on which staff opened pages of members in scope, newest first."""
    query = scoped(actor, "events:read", select(StaffLook), StaffLook.member_id)
    query = query if member_id is None else query.where(StaffLook.member_id == member_id)
    return query.order_by(StaffLook.at.desc(), StaffLook.user_id)


def recent_accesses(actor: Actor, *, member_id: uuid.UUID | None = None, most: int = 5) -> list[Access]:
    """The latest accesses of staff within 30 days, newest first: to one member, or to all in scope."""
    since = utcnow() - RECENT
    stays = step_ins_query(actor, member_id=member_id).where(StepIn.opened_at > since).limit(most)
    looks = looks_query(actor, member_id=member_id).where(StaffLook.at > since).limit(most)
    found = [Access(name=_name(row.user), at=row.opened_at, reason=row.reason) for row in db.session.scalars(stays)]
    found += [Access(name=_name(row.user), at=row.at) for row in db.session.scalars(looks)]
    return sorted(found, key=lambda access: access.at, reverse=True)[:most]


def _name(user: User) -> str:
    return user.name or user.email


def _remember(key: tuple[uuid.UUID, uuid.UUID, date]) -> None:
    if len(_known) >= _KNOWN_MOST:
        _known.clear()
    _known.add(key)
