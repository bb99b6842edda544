"""Answers kept for repeated requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, UTCDateTime, utcnow


class KeptAnswer(Base):
    """What a POST with an Idempotency-Key was answered; ``digest`` tells a repetition from another request."""

    __tablename__ = "kept_answers"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    status: Mapped[int | None]
    location: Mapped[str | None]
    body: Mapped[Any] = mapped_column(JSON, nullable=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, index=True)
