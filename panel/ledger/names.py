"""Names that only one thing may hold: an address is a mailbox, an alias or a list, never two of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.bulk import execute_many
from panel.kernel.db import Base, UTCDateTime, database_now, db, insert_unless_there, utcnow
from panel.kernel.errors import Conflict
from panel.kernel.text import likeness

RELEASED_YEARS = 5
"""How long a name that was given up is no other member's: who wrote to it must not reach somebody else."""

_YEAR_SECONDS = 31_556_952


class Name(Base):
    """A claim. The primary key is the whole rule: the database refuses a second holder."""

    __tablename__ = "names"

    space: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    holder_id: Mapped[uuid.UUID] = mapped_column(index=True)
    claimed_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    likeness: Mapped[str] = mapped_column(index=True, default="", server_default=text("''"))


class ReleasedName(Base):
    """A name that was given up, and whose it was: it waits for that member, and is no other's for years."""

    __tablename__ = "released_names"

    space: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID]
    released_at: Mapped[datetime] = mapped_column(UTCDateTime)


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


def release(space: str, *, holder_id: uuid.UUID, name: str | None = None, former: uuid.UUID | None = None) -> None:
    """Give up a holder's claims in ``space``: one name, or all. ``former``: the member for whom they wait from now."""
    query = delete(Name).where(Name.space == space, Name.holder_id == holder_id)
    gone = db.session.scalars((query if name is None else query.where(Name.name == name)).returning(Name.name))
    for given_up in gone.all():
        if former is not None:
            note_release(space, given_up, member_id=former)


def note_release(space: str, name: str, *, member_id: uuid.UUID) -> None:
    """Have ``name`` wait for this member from now on."""
    now = utcnow()
    row = insert_unless_there(ReleasedName).values(space=space, name=name, member_id=member_id, released_at=now)
    new = {"member_id": member_id, "released_at": now}
    db.session.execute(row.on_conflict_do_update(index_elements=[ReleasedName.space, ReleasedName.name], set_=new))


def released(space: str, names: Sequence[str]) -> dict[str, uuid.UUID]:
    """Those of ``names`` that wait for the members that gave them up, by the database's clock."""
    found: dict[str, uuid.UUID] = {}
    since = database_now(-RELEASED_YEARS * _YEAR_SECONDS)
    query = select(ReleasedName.name, ReleasedName.member_id).where(
        ReleasedName.space == space, ReleasedName.released_at > since
    )
    for start in range(0, len(names), 500):
        rows = db.session.execute(query.where(ReleasedName.name.in_(names[start : start + 500])))
        found.update({row.name: row.member_id for row in rows})
    return found


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
    rows = [same | {"name": name, "holder_id": holder, "likeness": likeness(name)} for name, holder in new]
    return execute_many(insert_unless_there(Name).on_conflict_do_nothing(), rows)
