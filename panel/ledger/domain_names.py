"""Whose domain names are, by their labels: what somebody holds is nobody else's, nor is what lies above or below it.

Zones, mail domains and host names of sites all say here which names they hold, each in its space; ``ledger.names``
keeps two of one space from holding the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, and_, delete, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.bulk import execute_many
from panel.kernel.db import Base, db, one_at_a_time
from panel.kernel.errors import Conflict
from panel.ledger import names

MAIL_DOMAINS = "mail_domain"
"""The space in which mail domains hold theirs."""

AT_ONCE, FEW = 500, 20


class DomainName(Base):
    """A name that something holds. ``member_id`` None: the association's own. ``proven``: it is known to be theirs.

    ``path``: its labels turned round, each with a dot behind, so that what lies below a name follows it.
    """

    __tablename__ = "domain_names"

    space: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String().with_variant(String(collation="C"), "postgresql"), index=True)
    holder_id: Mapped[uuid.UUID] = mapped_column(index=True)
    member_id: Mapped[uuid.UUID | None]
    proven: Mapped[bool] = mapped_column(default=True)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A name for ``holder_id``, a resource of ``member_id`` (None: the association)."""

    name: str
    holder_id: uuid.UUID
    member_id: uuid.UUID | None
    proven: bool = True


@dataclass(frozen=True, kw_only=True)
class Relative:
    """A name that is held at, above or below one that is asked for."""

    space: str
    name: str
    member_id: uuid.UUID | None
    proven: bool
    above: bool
    """At the name that is asked for, or above it; else below it."""


def claim(space: str, claims: Sequence[Claim], *, kind: str, field: str = "name") -> None:
    """Hold names in ``space`` within the running unit of work. Raises Conflict ``taken`` as ``names.claim`` does."""
    wait_for_turn()
    names.claim(space, [(one.name, one.holder_id) for one in claims], kind=kind, field=field)
    rows = [_row(space, one) for one in claims]
    for some in _chunks([one.name for one in claims]):
        db.session.execute(delete(DomainName).where(DomainName.space == space, DomainName.name.in_(some)))
    execute_many(insert(DomainName), rows)


def claim_alone(space: str, one: Claim, *, kind: str) -> None:
    """Hold one name, as ``claim`` does.

    Raises Conflict ``name_others`` where another member holds one at, above or below it, ``taken``.
    """
    wait_for_turn()
    if any(found.member_id != one.member_id for found in relatives([one.name])[one.name]):
        raise Conflict("name_others", field="name", name=one.name)
    claim(space, [one], kind=kind)


def release(space: str, *, holder_id: uuid.UUID, former: uuid.UUID | None = None) -> None:
    """Give up a holder's names in ``space``. ``former``: the member for whom they wait from now."""
    names.release(space, holder_id=holder_id, former=former)
    db.session.execute(delete(DomainName).where(DomainName.space == space, DomainName.holder_id == holder_id))


def set_proven(space: str, *, holder_id: uuid.UUID) -> None:
    """Note that a holder's names in ``space`` are known to be its member's."""
    held = (DomainName.space == space) & (DomainName.holder_id == holder_id)
    db.session.execute(update(DomainName).where(held).values(proven=True))


def wait_for_turn() -> None:
    """Keep others from holding names until the running unit of work ends: one that is not there cannot be locked."""
    one_at_a_time("domain_names")


def relatives(asked: Collection[str]) -> dict[str, list[Relative]]:
    """What is held at, above and below each name that is asked for. Reads what was flushed."""
    found: dict[str, list[Relative]] = {name: [] for name in asked}
    by_path = {path_of(name): name for name in asked}
    for path, row in _held_above(by_path):
        found[by_path[path]].append(_relative(row, above=True))
    for path, row in _held_below(by_path):
        found[by_path[path]].append(_relative(row, above=False))
    return found


def path_of(name: str) -> str:
    """``pl.koscian.bip.`` for ``bip.koscian.pl``."""
    return "".join(f"{label}." for label in reversed(name.split(".")))


def paths_to(path: str) -> Iterator[str]:
    """``path`` and all above it but the top-level domain."""
    labels = path.split(".")[:-1]
    return ("".join(f"{label}." for label in labels[:count]) for count in range(2, len(labels) + 1))


def _held_above(asked: Collection[str]) -> Iterable[tuple[str, Any]]:
    below: dict[str, list[str]] = {}
    for path in asked:
        for above in paths_to(path):
            below.setdefault(above, []).append(path)
    for some in _chunks(below):
        for row in db.session.execute(_HELD.where(DomainName.path.in_(some))):
            yield from ((path, row) for path in below[row.path])


def _held_below(asked: Collection[str]) -> Iterable[tuple[str, Any]]:
    for some in _chunks(sorted(asked)):
        wanted = set(some)
        for row in db.session.execute(_HELD.where(_is_below(some))):
            yield from ((path, row) for path in paths_to(row.path) if path in wanted and path != row.path)


def _is_below(paths: list[str]) -> ColumnElement[bool]:
    """SQL: below one of a few paths, or, of many in their order, anywhere from the first to the last.

    Behind a path's last dot comes a character; what begins with the path ends where the dot's successor begins.
    """
    if len(paths) > FEW:
        return and_(DomainName.path > paths[0], DomainName.path < paths[-1][:-1] + "/")
    return or_(*(and_(DomainName.path > path, DomainName.path < path[:-1] + "/") for path in paths))


_HELD = select(DomainName.space, DomainName.name, DomainName.path, DomainName.member_id, DomainName.proven)


def _relative(row: Any, *, above: bool) -> Relative:
    return Relative(space=row.space, name=row.name, member_id=row.member_id, proven=row.proven, above=above)


def _row(space: str, one: Claim) -> dict[str, Any]:
    return {"space": space, "path": path_of(one.name)} | {
        name: getattr(one, name) for name in ("name", "holder_id", "member_id", "proven")
    }


def _chunks(values: Collection[str]) -> Iterable[list[str]]:
    every = list(values)
    return (every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE))
