"""Differences: what a node has otherwise than it was asked to, each waiting for a person's decision.

Secrets stand apart from what is shown: ``secrets`` leaves this table only into an adopting action.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, and_, func, or_, select, text, update
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id
from panel.ledger.nodes import Node

WHATS = ("missing", "different", "stale_generation", "not_served", "only_here", "foreign", "file")
STATES = ("open", "kept", "adopted", "overwriting", "resolved")
MAP_ROW, FILE = "map_row", "file"
"""Kinds of what is no resource: a row of a daemon's map, a configuration file."""

_CURRENT = "state <> 'resolved'"


class Difference(Base):
    """One thing that a node has otherwise. ``wanted`` and ``found`` are shown, ``differs`` names the fields apart.

    ``found_digest`` tells whether the node shows still what a decision was about. ``secrets`` holds found values that
    are never shown, until the decision. ``until``: when a kept difference comes back; None: not before it changes.
    """

    __tablename__ = "differences"
    __table_args__ = (
        Index(
            "ix_differences_current",
            "node_id",
            "kind",
            "key",
            unique=True,
            sqlite_where=text(_CURRENT),
            postgresql_where=text(_CURRENT),
        ),
        Index("ix_differences_node", "node_id", "state", "id"),
        Index("ix_differences_resource", "kind", "resource_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nodes.id"))
    kind: Mapped[str]
    key: Mapped[str]
    resource_id: Mapped[uuid.UUID | None]
    name: Mapped[str]
    what: Mapped[str]
    differs: Mapped[list[str]] = mapped_column(JSON, default=list)
    wanted: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    found: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    found_digest: Mapped[str] = mapped_column(default="")
    found_generation: Mapped[int] = mapped_column(default=0)
    secrets: Mapped[dict[str, Any] | None] = deferred(mapped_column(JSON(none_as_null=True)))
    first_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    state: Mapped[str] = mapped_column(default="open")
    reason: Mapped[str] = mapped_column(default="")
    until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decided_by: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    node: Mapped[Node] = relationship(lazy="joined")


def is_current() -> ColumnElement[bool]:
    """SQL: differences that a later look has not settled."""
    return Difference.state != "resolved"


def counts_as_open() -> ColumnElement[bool]:
    """SQL: what a person should look at: open ones, and kept ones whose time is over."""
    return or_(Difference.state == "open", and_(Difference.state == "kept", Difference.until < database_now()))


def is_being_repaired(node_id: uuid.UUID) -> bool:
    """Whether a person has decided to overwrite something on the node that no look has confirmed yet."""
    query = select(Difference.id).where(Difference.node_id == node_id, Difference.state == "overwriting").limit(1)
    return db.session.scalar(query) is not None


def count_differing(node_id: uuid.UUID) -> None:
    """Bring the node's own figure up to its differences, within the running unit of work."""
    differing = select(func.count()).where(Difference.node_id == node_id, is_current(), Difference.state != "kept")
    db.session.execute(
        update(Node)
        .where(Node.id == node_id)
        .values(drift_differing=differing.scalar_subquery(), updated_at=Node.updated_at),
        execution_options={"synchronize_session": False},
    )
