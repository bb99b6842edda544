"""What goes to a node next: rows that are due, read as plain rows, in portions, the small before the big.

A change that somebody waits for (it has a job of its own) goes before what is done in bulk, with what belongs to it.
What is done in bulk goes first as a whole, so that the node serves it soon, and is looked at when all is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select, true

from panel.engine.kinds import Kind, Wanted
from panel.kernel.db import db
from panel.ledger.plans import HeldPlan
from provisioning.plan import turn
from provisioning.resources import KINDS, Gone, InvalidResource, Item

T = TypeVar("T")
Step = tuple[Kind, bool]

IDS_AT_ONCE = 500
"""How many ids stand in one statement."""

_COLUMNS = (
    "id",
    "member_id",
    "want",
    "wanted_generation",
    "applied_generation",
    "seen_generation",
    "problem_code",
    "attempts",
    "look_at",
)


LOOKED_AT_ONCE = 1_500
"""How many of those that the node confirmed are looked at in one go: about a second, for which a change may wait."""


@dataclass(frozen=True, kw_only=True)
class Portion:
    """Rows of one exchange; ``approved`` is the digest of the plan under which they may go, None for ordinary ones.

    ``bulk``: there are more, and all are looked at afterwards. ``confirmed``: the node has them, only the look is due.
    """

    rows: list[Wanted]
    approved: str | None = None
    bulk: bool = False
    confirmed: bool = False


@dataclass
class Backlog:
    """A node's due rows. ``approved``: the plans that may go.

    ``bad``: kind, row and words of those that hold what no node may be given.
    """

    node_id: uuid.UUID
    kinds: Sequence[Kind]
    size: int
    approved: Sequence[HeldPlan] = ()
    bad: list[tuple[Kind, Any, str]] = field(default_factory=list)
    _tried: set[uuid.UUID] = field(default_factory=set)
    _dry: set[tuple[str, bool]] = field(default_factory=set)
    _after: dict[tuple[str, bool], uuid.UUID] = field(default_factory=dict)
    _looked: dict[str, uuid.UUID] = field(default_factory=dict)
    _many: bool = False

    def next(self, own: Collection[uuid.UUID]) -> Portion | None:
        """The next portion, read fresh; None when nothing is due. ``own``: resources with a job of their own."""
        return self._own(own) or self._approved() or self._rest() or self._confirmed()

    def _own(self, own: Collection[uuid.UUID]) -> Portion | None:
        fresh = sorted(set(own) - self._tried)[: self.size]
        self._tried.update(fresh)
        found: dict[tuple[str, str], Wanted] = {}
        for ids in chunks(fresh, IDS_AT_ONCE):
            for kind in self.kinds:
                mine: ColumnElement[bool] = kind.model.id.in_(ids)
                mine = mine if kind.goes_with is None else or_(mine, kind.goes_with(ids))
                found |= {one.key: one for one in self._read(kind, mine, _ordinary(kind))}
        return Portion(rows=list(found.values())) if found else None

    def _approved(self) -> Portion | None:
        for plan in self.approved:
            rows: list[Wanted] = []
            for kind in self.kinds:
                room = self.size - len(rows)
                rows += self._read(kind, kind.model.plan_id == plan.id, limit=room) if room else []
            if rows:
                return Portion(rows=rows, approved=plan.digest)
        return None

    def _rest(self) -> Portion | None:
        """Everything else: all of it where it is no more than a portion, else in turns."""
        if self._many:
            rows = self._in_turns()
            self._many = len(rows) == self.size
            if rows:
                return Portion(rows=rows, bulk=self._many)
            self._dry.clear()
            self._after.clear()
        rows = self._to_send(self.size + 1)
        if len(rows) > self.size:
            self._many = True
            rows = self._in_turns()
        return Portion(rows=rows, bulk=self._many) if rows else None

    def _to_send(self, most: int) -> list[Wanted]:
        rows: list[Wanted] = []
        for kind in self.kinds:
            if room := most - len(rows):
                rows += self._read(kind, _ordinary(kind), ~_has_it(kind), limit=room)
        return rows

    def _confirmed(self) -> Portion | None:
        """What the node has already and nobody has looked at: it was done in bulk, or its worker died before.

        Read from where the last one ended, since its looks may be under way still; from the start after the end.
        """
        rows: list[Wanted] = []
        for kind in self.kinds:
            if room := LOOKED_AT_ONCE - len(rows):
                further = kind.model.id > self._looked[kind.name] if kind.name in self._looked else true()
                rows += self._read(kind, further, _ordinary(kind), _has_it(kind), limit=room)
        self._looked |= {one.kind.name: one.row.id for one in rows}
        if not rows:
            self._looked.clear()
        return Portion(rows=rows, confirmed=True) if rows else None

    def _in_turns(self) -> list[Wanted]:
        """What is let go of before what takes its place. A turn that was found dry is left out while there are more."""
        rows: list[Wanted] = []
        for kind, removes in self._steps():
            room = self.size - len(rows)
            if room and (kind.name, removes) not in self._dry:
                rows += self._turn(kind, room, removes=removes)
        return rows

    def _turn(self, kind: Kind, room: int, *, removes: bool) -> list[Wanted]:
        """Rows of one turn, from where the last time ended."""
        model, key = kind.model, (kind.name, removes)
        is_removal = model.want != "put" if removes else model.want == "put"
        further = model.id > self._after[key] if key in self._after else true()
        found = self._read(kind, is_removal, further, _ordinary(kind), ~_has_it(kind), limit=room)
        if len(found) < room:
            self._dry.add(key)
        else:
            self._after[key] = found[-1].row.id
        return found

    def _steps(self) -> list[Step]:
        steps = [(kind, removes) for kind in self.kinds for removes in (True, False)]
        return sorted(steps, key=lambda step: turn(step[0].name, removes=step[1]))

    def _read(self, kind: Kind, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Wanted]:
        due = (kind.model.node_id == self.node_id, kind.model.is_due(), *conditions)
        return read(kind, *due, limit=limit, bad=self.bad)


def read(
    kind: Kind,
    *conditions: ColumnElement[bool],
    order: Any = None,
    limit: int | None = None,
    bad: list[tuple[Kind, Any, str]] | None = None,
) -> list[Wanted]:
    """Rows of a kind with what is sent for them, by id unless ``order`` says otherwise.

    Rows that hold what no node may be given go to ``bad`` with the reason, or raise InvalidResource where it is None.
    """
    query = _query(kind).where(*conditions).order_by(kind.model.id if order is None else order).limit(limit)
    wanted = []
    for row, item in _made(kind, list(_rows(kind, query))):
        if not isinstance(item, InvalidResource):
            wanted.append(Wanted(kind=kind, row=row, item=item))
        elif bad is None:
            raise item
        else:
            bad.append((kind, row, str(item)))
    return wanted


def read_ids(kinds: Sequence[Kind], keys: Iterable[tuple[str, str]]) -> list[Wanted]:
    """Rows by kind and id, whether due or not; those that are not there are left out."""
    keys = list(keys)
    found: list[Wanted] = []
    for kind in kinds:
        for ids in chunks([uuid.UUID(id_) for name, id_ in keys if name == kind.name], IDS_AT_ONCE):
            found += read(kind, kind.model.id.in_(ids), bad=[])
    return found


def chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """``values`` in parts of at most ``size``."""
    remaining = iter(values)
    while part := list(islice(remaining, size)):
        yield part


def _has_it(kind: Kind) -> ColumnElement[bool]:
    """SQL: the node confirmed it, and no look has found it wanting since."""
    model = kind.model
    return (model.applied_generation == model.wanted_generation) & model.problem_code.is_(None)


def _ordinary(kind: Kind) -> ColumnElement[bool]:
    return kind.model.in_no_plan("waiting", "approved")


def _query(kind: Kind) -> Select[Any]:
    """Plain rows of what is needed; objects where a kind does not say what its resources are made of."""
    model, comparison, making = kind.model, kind.comparison, kind.making
    if making is None and comparison is None:
        return select(model)
    columns = making.columns if making is not None else comparison.columns if comparison is not None else {}
    fields = [column.label(name) for name, column in columns.items()]
    query = select(*(getattr(model, name) for name in _COLUMNS), *fields)
    for target in comparison.joins if comparison is not None else ():
        query = query.outerjoin(target)
    return query


def _rows(kind: Kind, query: Select[Any]) -> Any:
    if kind.comparison is None and kind.making is None:
        return db.session.scalars(query.execution_options(populate_existing=True)).unique()
    return db.session.connection().execute(query)


def _made(kind: Kind, rows: Sequence[Any]) -> Iterator[tuple[Any, Item | InvalidResource]]:
    if kind.making is not None:
        yield from zip(rows, kind.making.items(rows), strict=True)
        return
    for row in rows:
        try:
            yield row, _item(kind, row)
        except InvalidResource as error:
            yield row, error


def _item(kind: Kind, row: Any) -> Item:
    if kind.comparison is None:
        return kind.to_item(row)
    if row.want != "put":
        return Gone(kind=kind.name, id=str(row.id), generation=row.wanted_generation, purge=row.want == "purge")
    fields = {name: getattr(row, name) for name in kind.comparison.columns}
    item: Any = KINDS[kind.name](id=str(row.id), generation=row.wanted_generation, **fields)
    made: Item = item
    return made
