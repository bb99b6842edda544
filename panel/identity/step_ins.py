"""Accesses of staff to members: entered views, what was asked of the member there, and whose pages were looked at."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, and_, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.identity.models import User
from panel.kernel.db import Base, UTCDateTime, database_now, new_id, utcnow
from panel.members.models import Member

_OPEN = "ended_at IS NULL"


class StepIn(Base):
    """One stay of ``user`` in the view of ``member``, read-only, from ``opened_at`` to ``until`` at the latest.

    All times are the database's. ``ended_by``: *staff*, *member*, *limit*, *sign_out* or *right* (the right to be
    there was lost). ``pages``: how many were opened. ``session_id``: the sign-in it belongs to, where that has a row.
    """

    __tablename__ = "step_ins"
    __table_args__ = (
        Index("ix_step_ins_member", "member_id", "id"),
        # Nobody is in two views at once, whatever two tabs or two browsers ask for.
        Index("uq_step_ins_open", "user_id", unique=True, sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    session_id: Mapped[uuid.UUID | None]
    reason: Mapped[str]
    ticket: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    until: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_by: Mapped[str | None]
    pages: Mapped[int] = mapped_column(default=0)

    user: Mapped[User] = relationship(lazy="joined")
    member: Mapped[Member] = relationship(lazy="joined")
    asked: Mapped[list[AskedAction]] = relationship(order_by="AskedAction.id", viewonly=True)

    @classmethod
    def is_open(cls) -> ColumnElement[bool]:
        """Whether it goes on, by the database's clock."""
        return and_(cls.ended_at.is_(None), cls.until > database_now())

    @property
    def over_at(self) -> datetime:
        """When it ended, or ends at the latest."""
        return self.ended_at or self.until


class AskedAction(Base):
    """One change that somebody in a member's view asked the member to agree to, with all its values written out.

    ``agreed`` is None until a person of the member decided. It is good once, and only while its step-in goes on.
    """

    __tablename__ = "step_in_actions"
    __table_args__ = (Index("ix_step_in_actions_step_in", "step_in_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    step_in_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("step_ins.id"))
    action: Mapped[str]
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    resource_id: Mapped[uuid.UUID | None]
    resource_name: Mapped[str]
    values: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    agreed: Mapped[bool | None]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    step_in: Mapped[StepIn] = relationship(lazy="joined")
    decider: Mapped[User | None] = relationship(lazy="joined")


class StaffLook(Base):
    """That ``user`` of the staff opened pages of ``member`` on ``day`` (of the panel's time zone), first at ``at``."""

    __tablename__ = "staff_looks"
    __table_args__ = (Index("ix_staff_looks_member", "member_id", "at"),)

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)

    user: Mapped[User] = relationship(lazy="joined")
