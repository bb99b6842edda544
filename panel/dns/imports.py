"""Zones on their way in: what was read from a file or from the old server, until somebody takes it over."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, UTCDateTime, new_id, utcnow

WAYS = ("text", "files", "axfr")


class ZoneImport(Base):
    """What was read as zone ``name``. ``zone_id``: the zone that would change, which had ``version``; None: a new one.

    ``way``: one of WAYS. ``soa``, ``sets`` as on the wire; ``serial``: what the old server answers, 0 where that is not
    known. ``refusals``, ``notes``: what was not taken, with file and line; ``remarks``: what the lint says.
    Keys for transfers are never kept. ``taken_at``: when it was taken over; before, it goes after a week.
    """

    __tablename__ = "zone_imports"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"), index=True)
    zone_id: Mapped[uuid.UUID | None]
    version: Mapped[int | None]
    name: Mapped[str]
    way: Mapped[str]
    actor: Mapped[str]
    actor_name: Mapped[str]
    soa: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    sets: Mapped[list[list[Any]]] = mapped_column(JSON)
    serial: Mapped[int] = mapped_column(BigInteger, default=0)
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    notes: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, index=True)
    taken_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
