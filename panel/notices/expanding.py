"""From notices to messages: who exactly is told, by whose choice, and when."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, insert, or_, select, update

from config import Settings
from panel.identity.models import Grant, Role, User
from panel.kernel.access import ROLES, Actor, require
from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.messages import Message
from panel.ledger.notices import Notice
from panel.members.models import Member
from panel.notices.preferences import SECURITY, Preference, topic_of

AT_ONCE = 500
KEPT_DAYS = 90
"""For so long people see what they were told of."""

Holders = Mapping[tuple[str, uuid.UUID | None], Sequence[uuid.UUID]]
"""Permission and member (None: the association) → the users who hold it there."""

log = logging.getLogger("cis.notices")


def expand_notices(actor: Actor, settings: Settings) -> int:
    """Write a message for each person whom a waiting notice is for; return how many.

    Each notice is settled in the transaction that writes its messages: nobody gets it twice, nobody is forgotten.
    Without a mail server too: people see in their account what they would have been told.
    """
    require(actor, "nodes:write", staff=True)
    if not _anything_waits():
        return 0
    with unit_of_work():
        notices = _settle()
        now = db.session.scalars(select(database_now())).one()
        rows = list(_messages(notices, next_digest(now, settings.notice_hour)))
        execute_many(insert(Message).values(state="queued", attempts=0), _with_ids(rows))
    return len(rows)


def next_digest(now: datetime, hour: int) -> datetime:
    """When the next day's digest goes out: ``hour``, UTC."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def _anything_waits() -> bool:
    return db.session.scalar(select(Notice.id).where(Notice.settled_at.is_(None)).limit(1)) is not None


def _settle() -> Sequence[Notice]:
    waiting = select(Notice.id).where(Notice.settled_at.is_(None)).order_by(Notice.id).limit(AT_ONCE)
    settled = db.session.scalars(
        update(Notice)
        .where(Notice.id.in_(waiting), Notice.settled_at.is_(None))
        .values(settled_at=database_now())
        .returning(Notice.id),
        execution_options={"synchronize_session": False},
    ).all()
    query = select(Notice).where(Notice.id.in_(settled)).order_by(Notice.id)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


def _messages(notices: Iterable[Notice], digest_at: datetime) -> Iterable[dict[str, object]]:
    notices = list(notices)
    known = _known_holders(notices)
    told = [(notice, _people(notice, known)) for notice in notices]
    choices = _choices({user_id for _notice, people in told for user_id in people})
    for notice, people in told:
        topic = topic_of(notice.code)
        if notice.email is not None:
            yield _row(notice, user_id=None, digest_at=None)
        for user_id in people:
            choice = "now" if topic == SECURITY else choices.get((user_id, topic), "now")
            if choice != "none":
                yield _row(notice, user_id=user_id, digest_at=digest_at if choice == "daily" else None)


def _row(notice: Notice, *, user_id: uuid.UUID | None, digest_at: datetime | None) -> dict[str, object]:
    return {
        "notice_id": notice.id,
        "code": notice.code,
        "user_id": user_id,
        "email": notice.email if user_id is None else None,
        "language": notice.language if user_id is None else None,
        "created_at": notice.created_at,
        "bundled": digest_at is not None,
        "retry_at": digest_at,
    }


def _with_ids(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [row | {"id": id_} for row, id_ in zip(rows, new_ids(len(rows)), strict=True)]


def _known_holders(notices: Iterable[Notice]) -> Holders:
    """Who holds what these notices ask for, by one query for each permission."""
    asked: dict[str, set[uuid.UUID | None]] = defaultdict(set)
    for notice in notices:
        if notice.permission is not None:
            asked[notice.permission].add(notice.member_id)
    return {
        (permission, member_id): people
        for permission, member_ids in asked.items()
        for member_id, people in holders(permission, member_ids).items()
    }


def _people(notice: Notice, known: Holders) -> Sequence[uuid.UUID]:
    """The users whom a notice is for; an inactive one is told nothing that is meant for holders of a right."""
    if notice.user_id is not None:
        return [notice.user_id]
    if notice.permission is None:
        return []
    return known.get((notice.permission, notice.member_id), ())


def holders(permission: str, member_ids: Collection[uuid.UUID | None]) -> dict[uuid.UUID | None, list[uuid.UUID]]:
    """For each member the active users who hold ``permission`` by a grant on it or above it.

    None: by one on the association. A grant that has ended by itself gives nothing.
    """
    roles = [name for name, permissions in ROLES.items() if permission in permissions]
    lasts = or_(Grant.until.is_(None), Grant.until > database_now())
    query = select(Grant.user_id).join(Role).join(User, User.id == Grant.user_id)
    query = query.where(Role.name.in_(roles), User.active, lasts).distinct().order_by(Grant.user_id)
    found: dict[uuid.UUID | None, list[uuid.UUID]] = defaultdict(list)
    if None in member_ids:
        found[None] = list(db.session.scalars(query.where(Grant.member_id.is_(None))))
    asked = [one for one in member_ids if one is not None]
    at = select(Member.id.label("told"), Member.id, Member.parent_id).where(Member.id.in_(asked))
    here = at.cte("above", recursive=True)
    above = here.union(select(here.c.told, Member.id, Member.parent_id).join(here, Member.id == here.c.parent_id))
    for user_id, member_id in db.session.execute(query.add_columns(above.c.told).where(Grant.member_id == above.c.id)):
        found[member_id].append(user_id)
    return found


def _choices(users: set[uuid.UUID]) -> dict[tuple[uuid.UUID, str], str]:
    query = select(Preference).where(Preference.user_id.in_(users))
    return {(one.user_id, one.topic): one.choice for one in db.session.scalars(query)}


def forget_old_notices(actor: Actor) -> None:
    """Remove messages that have had their time, and the notices that nobody waits for any more."""
    require(actor, "nodes:write", staff=True)
    before = database_now(-KEPT_DAYS * 24 * 3600)
    old = select(Notice.id).where(Notice.created_at < before).limit(1)
    if db.session.scalar(old) is None:
        return
    with unit_of_work():
        db.session.execute(delete(Message).where(Message.created_at < before, Message.state != "queued"))
        needed = exists().where(Message.notice_id == Notice.id)
        db.session.execute(delete(Notice).where(Notice.created_at < before, ~needed))
