"""Imports and their rows."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.db import Base, UTCDateTime, new_id, utcnow
from panel.members.models import Member

STATES = ("checked", "committing", "done", "cancelled")
VERDICTS = ("ok", "warning", "error")
ROW_STATES = ("waiting", "done", "failed", "left")


class Import(Base):
    """One file on its way in. ``state``: *checked* (a preview), *committing*, *done*, *cancelled* (half-way).

    ``member_id``: whose the rows are that do not say. ``mapping``: field → heading. ``problems``: what is wrong with
    the whole. ``counts``: rows by verdict, by what would be done, and by state once they are written. ``actor``
    uploaded it, ``committed_by`` answers for what it does; ``user_id``: the person behind token or session. ``claim``
    and ``claimed_until``: which worker is at it, by the database's clock.
    """

    __tablename__ = "imports"
    __table_args__ = (Index("ix_imports_state", "state", "claimed_until"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="checked")
    file_name: Mapped[str]
    actor: Mapped[str] = mapped_column(index=True)
    actor_name: Mapped[str]
    user_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"))
    columns: Mapped[list[str]] = mapped_column(JSON)
    mapping: Mapped[dict[str, str]] = mapped_column(JSON)
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    total: Mapped[int]
    only_good: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, index=True)
    committed_by: Mapped[str | None]
    committed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    claim: Mapped[str | None]
    claimed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)

    member: Mapped[Member | None] = relationship(lazy="joined")


class ImportRow(Base):
    """A row of a file. ``cells``: sealed (``sealing``), passwords go once the row is done with.

    ``state``: *waiting*, *done*, *failed* (``problems`` says why), *left* out because of its verdict.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        UniqueConstraint("import_id", "line"),
        Index("ix_import_rows_verdict", "import_id", "verdict", "line"),
        Index("ix_import_rows_state", "import_id", "state", "line"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    line: Mapped[int]
    cells: Mapped[bytes] = mapped_column(LargeBinary)
    folded: Mapped[str]
    verdict: Mapped[str]
    would: Mapped[str]
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    state: Mapped[str] = mapped_column(default="waiting")
    resource_id: Mapped[uuid.UUID | None]
