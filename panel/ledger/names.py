"""Names that only one thing may hold: an address is a mailbox, an alias or a list, never two of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, UTCDateTime, db, insert_unless_there, utcnow
from panel.kernel.errors import Conflict


class Name(Base):
    """A claim. The primary key is the whole rule: the database refuses a second holder."""

    __tablename__ = "names"

    space: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    holder_id: Mapped[uuid.UUID] = mapped_column(index=True)
    claimed_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)


def claim(space: str, names: Sequence[tuple[str, uuid.UUID]], *, kind: str, field: str = "address") -> None:
    """Claim ``(name, holder)`` pairs in ``space`` within the running unit of work, which must fail when this does.

    Raises Conflict ``taken`` naming the first name that somebody holds.
    """
    held = taken(space, [name for name, _ in names])
    _require_own(held, names, field)
    # Sorted, so that two units of work that claim the same names wait for each other in one direction only.
    new = sorted((name, holder) for name, holder in names if name not in held)
    if new and _insert(space, new, kind) != len(new):
        _require_own(taken(space, [name for name, _ in new]), names, field)


def release(space: str, *, holder_id: uuid.UUID, name: str | None = None) -> None:
    """Give up a holder's claims in ``space``: one name, or all."""
    query = delete(Name).where(Name.space == space, Name.holder_id == holder_id)
    db.session.execute(query if name is None else query.where(Name.name == name))


def taken(space: str, names: Sequence[str]) -> dict[str, uuid.UUID]:
    """Those of ``names`` that are held, with their holders."""
    held: dict[str, uuid.UUID] = {}
    for start in range(0, len(names), 500):
        chunk = names[start : start + 500]
        rows = db.session.execute(select(Name.name, Name.holder_id).where(Name.space == space, Name.name.in_(chunk)))
        held.update({row.name: row.holder_id for row in rows})
    return held


def _require_own(held: Mapping[str, uuid.UUID], names: Sequence[tuple[str, uuid.UUID]], field: str) -> None:
    for row, (name, holder) in enumerate(names):
        if name in held and held[name] != holder:
            raise Conflict("taken", field=field, name=name, row=row)


def _insert(space: str, new: Sequence[tuple[str, uuid.UUID]], kind: str) -> int:
    """Insert the claims; return how many: not those that somebody came to hold in the meantime."""
    same = {"space": space, "kind": kind, "claimed_at": utcnow()}
    rows = [same | {"name": name, "holder_id": holder} for name, holder in new]
    return db.session.connection().execute(insert_unless_there(Name).on_conflict_do_nothing(), rows).rowcount
