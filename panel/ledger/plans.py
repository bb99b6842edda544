"""Plans that wait for a person: changes that were set aside because they remove, or replace, too much at once."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Select, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.access import Actor
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id

_WAITING = "state = 'waiting'"


class HeldPlan(Base):
    """Changes of one node that were set aside; ``digest`` is what an approval binds to.

    ``state``: *waiting*, *approved*, *outdated* (something of it changed) or *done*. ``reasons``: *removed:KIND* for
    the panel's bound, *agent:removed:KIND* or *agent:password_changes* for the node's. ``counts``: lists of kind,
    verb, number and how many of that kind the node has. ``requested_by``: who asked, as ``{ref, user_id}``.
    """

    __tablename__ = "plans"
    __table_args__ = (
        Index("ix_plans_node", "node_id", "state"),
        Index("ix_plans_waiting", "node_id", unique=True, sqlite_where=text(_WAITING), postgresql_where=text(_WAITING)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nodes.id"))
    digest: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(JSON, default=list)
    counts: Mapped[list[list[Any]]] = mapped_column(JSON, default=list)
    requested_by: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    state: Mapped[str] = mapped_column(default="waiting")
    made_at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now())
    approved_by: Mapped[str | None]
    approved_user_id: Mapped[uuid.UUID | None]
    approved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


def waiting_on(node_id: uuid.UUID, *, for_change: bool = False) -> HeldPlan | None:
    """The plan of the node that waits for a person, as the database has it now."""
    query = select(HeldPlan).where(HeldPlan.node_id == node_id, HeldPlan.state == "waiting")
    query = query.with_for_update() if for_change else query
    return db.session.scalar(query.execution_options(populate_existing=True))


def approved_on(node_id: uuid.UUID) -> list[HeldPlan]:
    """Plans of the node that a person approved and that are not carried out yet, the oldest first."""
    query = select(HeldPlan).where(HeldPlan.node_id == node_id, HeldPlan.state == "approved").order_by(HeldPlan.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def ids_in(*states: str) -> Select[uuid.UUID]:
    """SQL: ids of the plans in these states."""
    return select(HeldPlan.id).where(HeldPlan.state.in_(states))


def end_plan(plan_id: uuid.UUID, *, state: str) -> None:
    """Record, within the running unit of work, that a plan is *outdated* or *done*."""
    db.session.execute(
        update(HeldPlan).where(HeldPlan.id == plan_id).values(state=state),
        execution_options={"synchronize_session": False},
    )


def approve(plan: HeldPlan, actor: Actor) -> None:
    """Record, within the running unit of work, that ``actor`` let the plan go."""
    plan.state, plan.approved_by, plan.approved_user_id = "approved", actor.ref, actor.user_id
    db.session.execute(
        update(HeldPlan).where(HeldPlan.id == plan.id).values(approved_at=database_now()),
        execution_options={"synchronize_session": False},
    )
