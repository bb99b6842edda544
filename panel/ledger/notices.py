"""Notices to people: what somebody shall be told, written in the transaction in which it happened.

Who exactly gets it, in which language and when (at once or with the day's digest) is settled when it is delivered.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, insert
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import Base, UTCDateTime, db, new_id, utcnow


class Notice(Base):
    """One thing to be told: to ``user_id``, to ``email``, or to all who hold ``permission`` on ``member_id``.

    ``code`` names the text, ``params`` what it says (no secrets). A notice with ``link_purpose`` carries the one-time
    link of the row ``link_id`` (``kernel/links.py``), made only when the message is written.
    """

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_waiting", "settled_at", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str]
    user_id: Mapped[uuid.UUID | None]
    email: Mapped[str | None]
    language: Mapped[str | None]
    permission: Mapped[str | None]
    member_id: Mapped[uuid.UUID | None]
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    link_purpose: Mapped[str | None]
    link_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


def tell_user(code: str, user_id: uuid.UUID, *, link: tuple[str, uuid.UUID] | None = None, **params: Any) -> None:
    """Have a user told ``code``; ``link``: purpose and row id of a one-time link that goes with it."""
    _add(Notice(code=code, user_id=user_id, params=params), link)


def tell_address(
    code: str, email: str, *, language: str, link: tuple[str, uuid.UUID] | None = None, **params: Any
) -> None:
    """Have somebody told who is no user yet."""
    _add(Notice(code=code, email=email, language=language, params=params), link)


def tell_holders(code: str, permission: str, member_id: uuid.UUID | None, **params: Any) -> None:
    """Have all told who hold ``permission`` by a grant on ``member_id`` or above it, staff aside; None: the staff."""
    _add(Notice(code=code, permission=permission, member_id=member_id, params=params), None)


def tell_many(code: str, permission: str, told: Iterable[tuple[uuid.UUID | None, Mapping[str, Any]]]) -> None:
    """``tell_holders`` for many members by one statement; ``told``: member and params of each notice."""
    told = list(told)
    same = {"code": code, "permission": permission, "created_at": utcnow()}
    rows = [
        {"id": id_, "member_id": member_id, "params": dict(params)}
        for id_, (member_id, params) in zip(new_ids(len(told)), told, strict=True)
    ]
    execute_many(insert(Notice).values(**same), rows)


def _add(notice: Notice, link: tuple[str, uuid.UUID] | None) -> None:
    notice.id = new_id()
    if link is not None:
        notice.link_purpose, notice.link_id = link
    db.session.add(notice)
