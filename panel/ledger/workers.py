"""Workers: which are alive, by the database's clock. They say so themselves; nothing else depends on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, UTCDateTime, database_now, db, insert_unless_there, unit_of_work

_FORGOTTEN_SECONDS, _BUSY_SECONDS = 24 * 3600, 5


class Sign(Base):
    """The last sign of life of the worker ``name`` (host, process), which promised one every ``seconds``."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    seconds: Mapped[int]
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)


def show_sign(name: str, *, seconds: int) -> None:
    """Say that ``name`` is alive and will say so again in ``seconds``; forget those silent for a day."""
    values = {"seconds": seconds, "seen_at": database_now()}
    with unit_of_work():
        row = insert_unless_there(Sign).values(name=name, **values)
        db.session.execute(row.on_conflict_do_update(index_elements=[Sign.name], set_=values))
        db.session.execute(delete(Sign).where(Sign.seen_at < database_now(-_FORGOTTEN_SECONDS)))


def end_sign(name: str) -> None:
    """Say that ``name`` ends in an orderly way."""
    with unit_of_work():
        db.session.execute(delete(Sign).where(Sign.name == name))


def workers_alive() -> int:
    """How many workers gave a sign in the last three times that they promised to."""
    signs = db.session.execute(select(Sign.seen_at, Sign.seconds, database_now())).all()
    return sum(seen_at + timedelta(seconds=3 * seconds + _BUSY_SECONDS) > now for seen_at, seconds, now in signs)
