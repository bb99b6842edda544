"""Webhooks and what was sent by them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.identity.models import ApiToken, User
from panel.kernel.db import Base, UTCDateTime, new_id, utcnow
from panel.members.models import Member

DELIVERY_STATES = ("queued", "sent", "failed", "withheld")
OFF_REASONS = ("", "person", "failing", "gone", "owner", "token")
"""Why one is off: it is not, a person did it, it failed for days, the receiver said 410, its owner lost the right, the
token by which it was set up has ended."""


class Webhook(Base):
    """An address of a program that is told of events of ``member_id`` and what is below it (None: of all).

    ``kinds`` and ``events`` (beginnings of tags) narrow what is sent; empty: everything. ``user_id`` is in whose right
    it is sent, within ``token_id`` where it was set up or changed last by a token: that ends with the token.
    ``secret_number`` names the signing secret, which is kept nowhere (``signing.py``); the one before it
    holds until ``old_secret_until``. ``read_to``: the place in the chain of events up to which it was told.
    """

    __tablename__ = "webhooks"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"), index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    token_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("api_tokens.id"))
    name: Mapped[str]
    url: Mapped[str]
    kinds: Mapped[list[str]] = mapped_column(JSON, default=list)
    events: Mapped[list[str]] = mapped_column(JSON, default=list)
    active: Mapped[bool] = mapped_column(default=True)
    off_reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    secret_number: Mapped[int] = mapped_column(default=1)
    old_secret_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    read_to: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)

    member: Mapped[Member | None] = relationship(lazy="joined")
    user: Mapped[User] = relationship(lazy="joined")
    token: Mapped[ApiToken | None] = relationship(lazy="joined")


class Delivery(Base):
    """One message to one webhook: about ``event_id``, or a test. ``id`` is what the receiver knows it by.

    ``tries`` is a list of ``{at, status, ms, answer, problem}``, the last one last. What was said is not kept: it is
    made from the event each time, so that what is erased there is gone here.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        Index("ix_webhook_deliveries_due", "state", "retry_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhooks.id"))
    event_id: Mapped[uuid.UUID | None]
    tag: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    tries: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, index=True)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
