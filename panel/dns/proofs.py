"""Names that came from outside: what shows whose they are, and until when it is waited for."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, delete, insert, select, text
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.bulk import execute_many
from panel.kernel.db import Base, UTCDateTime, database_now, db, utcnow

LABEL = "_cis-proof"
"""Below this label of the name, a TXT record with the token is looked for."""

UNPROVEN = "unproven"
"""Why a zone is held back (``Zone.held``) while its name waits for proof."""

WAITING_DAYS = 30
STATES = ("waiting", "proven", "vouched", "expired")
FINDINGS = ("", "txt_missing", "txt_other", "ns_before", "no_answer")
"""No text; another one; delegated to our servers, but so before anybody asked for the name here; nobody answers."""


_DAY = 24 * 3_600


class NameProof(Base):
    """A name of ``member_id``'s that waits, or waited, for proof; it goes with what holds the name.

    ``state``: one of STATES; ``how``: what proved it (*txt*, *ns*). ``finding``: what was seen instead by the last
    look, at ``asked_at``, one of FINDINGS. ``elsewhere``: it was seen not delegated to our servers. ``next_at`` and
    ``expires_at`` by the database's clock. ``reason``: why ``settled_by`` vouched.
    """

    __tablename__ = "name_proofs"
    __table_args__ = (
        Index("ix_name_proofs_due", "next_at", sqlite_where=text("state = 'waiting'"),
              postgresql_where=text("state = 'waiting'")),
    )  # fmt: skip

    holder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(index=True)
    name: Mapped[str]
    token: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    how: Mapped[str] = mapped_column(default="")
    finding: Mapped[str] = mapped_column(default="")
    elsewhere: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    settled_by: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")

    @property
    def record_name(self) -> str:
        """Where the TXT record is looked for, without final dot."""
        return f"{LABEL}.{self.name}"


def open_proofs(asked: Sequence[tuple[uuid.UUID, uuid.UUID, str]]) -> None:
    """Begin to wait for proof, for ``(holder, member, name)``, within the running unit of work."""
    if not asked:
        return
    forget_proofs([holder_id for holder_id, _, _ in asked])
    now, last = db.session.execute(select(database_now(), database_now(WAITING_DAYS * _DAY))).one()
    same: dict[str, Any] = {"state": "waiting", "how": "", "finding": "", "elsewhere": False, "attempts": 0}
    same |= {"created_at": now, "next_at": now, "expires_at": last, "settled_by": "", "reason": ""}
    rows = [
        same | {"holder_id": holder_id, "member_id": member_id, "name": name, "token": secrets.token_hex(16)}
        for holder_id, member_id, name in asked
    ]
    execute_many(insert(NameProof), rows)


def is_unproven(holder_id: uuid.UUID) -> bool:
    """Whether a name was taken that is not known to be its member's."""
    query = select(NameProof.holder_id).where(NameProof.holder_id == holder_id)
    return db.session.scalar(query.where(NameProof.state.in_(("waiting", "expired")))) is not None


def forget_proofs(holder_ids: Sequence[uuid.UUID]) -> None:
    """Forget what was waited for: the names are given up."""
    for start in range(0, len(holder_ids), 500):
        some = holder_ids[start : start + 500]
        db.session.execute(delete(NameProof).where(NameProof.holder_id.in_(some)))
