"""Messages: one notice to one person, on its way by mail. What it says is made when it is sent, and kept nowhere."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, UTCDateTime, new_id, utcnow

STATES = ("queued", "sent", "failed")
NEWS_SECONDS = 2 * 24 * 3600
"""What is older is sent to nobody any more."""

_QUEUED = "state = 'queued'"


class Message(Base):
    """A notice for ``user_id``, or for ``email`` where nobody of that address is a user yet.

    ``bundled``: it waits for the day's digest until ``retry_at``, by the database's clock. ``problem``: what kept it
    from leaving the last time.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_queued", "retry_at", sqlite_where=text(_QUEUED), postgresql_where=text(_QUEUED)),
        Index("ix_messages_user", "user_id", "id"),
        Index("ix_messages_sent", "sent_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    notice_id: Mapped[uuid.UUID]
    code: Mapped[str]
    user_id: Mapped[uuid.UUID | None]
    email: Mapped[str | None]
    language: Mapped[str | None]
    bundled: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    problem: Mapped[str | None]
