"""Closings: nodes on which workers do nothing, because the panel's own knowledge of them may be old."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, UTCDateTime, db, new_id, utcnow


class Closing(Base):
    """Why nothing is sent to a node, or to any where ``node_id`` is None. ``reason`` is a code."""

    __tablename__ = "closings"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("nodes.id"))
    reason: Mapped[str]
    closed_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)


def closed(node_id: uuid.UUID) -> Closing | None:
    """What closes the node, None where workers may act on it."""
    query = select(Closing).where(or_(Closing.node_id.is_(None), Closing.node_id == node_id)).order_by(Closing.id)
    return db.session.scalar(query.limit(1))


def list_closings() -> list[Closing]:
    """Everything that is closed: nothing in the ordinary course of things."""
    return list(db.session.scalars(select(Closing).order_by(Closing.id)))


def close(reason: str, *, node_id: uuid.UUID | None = None) -> None:
    """Close a node, or all, within the running unit of work."""
    db.session.add(Closing(id=new_id(), node_id=node_id, reason=reason))


def open_again(reason: str) -> None:
    """Take away every closing for this reason, within the running unit of work."""
    db.session.execute(delete(Closing).where(Closing.reason == reason))
