"""Alarms: what somebody must be told of although nobody looks at the panel. One is open at a time for each key."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.access import SYSTEM, Actor, require
from panel.kernel.db import Base, UTCDateTime, database_now, db, insert_unless_there, new_id
from panel.ledger.events import record

_OPEN = "cleared_at IS NULL"
_UNTOLD = "told_at IS NULL OR cleared_at IS NOT NULL AND clear_told_at IS NULL"


class Alarm(Base):
    """Something that needs a person: since when, until when, and whether its two messages went out.

    ``key`` names what it is about (``node_silent:NODE``), ``code`` gives its words. ``params``: figures, no secrets.
    """

    __tablename__ = "alarms"
    __table_args__ = (
        Index("ix_alarms_open", "key", unique=True, sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
        Index("ix_alarms_untold", "retry_at", sqlite_where=text(_UNTOLD), postgresql_where=text(_UNTOLD)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str]
    code: Mapped[str]
    node_id: Mapped[uuid.UUID | None]
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    raised_at: Mapped[datetime] = mapped_column(UTCDateTime)
    cleared_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    clear_told_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


def raise_alarm(key: str, code: str, node_id: uuid.UUID | None = None, **params: Any) -> bool:
    """Open the alarm ``key`` within the running unit of work; tell whether it is new.

    One that is open already keeps its time; its figures become the new ones, and nobody is told again.
    """
    added = db.session.execute(
        insert_unless_there(Alarm)
        .values(id=new_id(), key=key, code=code, node_id=node_id, params=params, raised_at=database_now(), attempts=0)
        .on_conflict_do_nothing(index_elements=[Alarm.key], index_where=text(_OPEN))
        .returning(Alarm.id)
    ).scalar_one_or_none()
    if added is None:
        _change(key, params=params)
        return False
    record(SYSTEM, "alarms:alarm:raise", node_id=node_id, name=params.get("node", ""), code=code, params=params)
    return True


def clear_alarm(key: str) -> bool:
    """Close the alarm ``key`` within the running unit of work; tell whether it was open."""
    closed = _change(key, cleared_at=database_now(), retry_at=None)
    if closed is None:
        return False
    name, told = closed.params.get("node", ""), {"code": closed.code, "params": closed.params}
    record(SYSTEM, "alarms:alarm:clear", node_id=closed.node_id, name=name, **told)
    return True


def alarms_query(actor: Actor, *, state: str | None = None) -> Select[Alarm]:
    """The alarms, newest first; ``state``: *open* or *cleared*. Only for the association's staff."""
    require(actor, "nodes:read", staff=True)
    query = select(Alarm).order_by(Alarm.raised_at.desc(), Alarm.id.desc())
    if state == "open":
        return query.where(Alarm.cleared_at.is_(None))
    return query if state is None else query.where(Alarm.cleared_at.is_not(None))


def _change(key: str, **values: Any) -> Any:
    """The open alarm ``key`` with ``values`` set, None where none is open."""
    return db.session.execute(
        update(Alarm)
        .where(Alarm.key == key, Alarm.cleared_at.is_(None))
        .values(**values)
        .returning(Alarm.node_id, Alarm.params, Alarm.code),
        execution_options={"synchronize_session": False},
    ).one_or_none()
