"""Comparing a node with what it should have: shard by shard first, one by one only where shards differ.

Reads on both sides, changes nothing on either. What is on its way to the node is no difference.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Select, String, cast, or_, select

from panel.engine.kinds import Comparison, Kind
from panel.kernel.db import db
from panel.ledger.differences import FILE, MAP_ROW
from provisioning.resources import KINDS, line_of, shard_digest, shard_of

Ask = Callable[..., Mapping[str, Any]]
"""Asks the node's agent a reading request: ``ask(op, **fields)``."""

T = TypeVar("T")

SHARDS_AT_ONCE, IDS_AT_ONCE, ROWS_AT_ONCE = 32, 500, 10_000
_EMPTY = shard_digest(())


@dataclass(frozen=True, kw_only=True)
class Found:
    """One difference as it was found. ``wanted`` and ``found`` hold what may be shown, ``secrets`` the rest of it.

    ``generation``: the newest one that the node has met; ``compared``: the one it was compared with, 0 without a row.
    """

    kind: str
    key: str
    name: str
    what: str
    resource_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    differs: Sequence[str] = ()
    wanted: Mapping[str, Any] | None = None
    found: Mapping[str, Any] | None = None
    secrets: Mapping[str, Any] | None = field(default=None, repr=False)
    digest: str = ""
    generation: int = 0
    compared: int = 0


@dataclass(kw_only=True)
class Comparing:
    """What a comparison came to. ``moving``: kinds and ids of what is on its way: nothing can be said of it yet.

    ``all_foreign``: whether the node named every foreign row; it names a thousand at most.
    """

    found: list[Found] = field(default_factory=list)
    moving: set[tuple[str, str]] = field(default_factory=set)
    all_foreign: bool = True
    resources: int = 0
    shards: int = 0


def compare(node_id: uuid.UUID, kinds: Sequence[Kind], ask: Ask, *, unsettled: bool = False) -> Comparing:
    """Compare the node with its wanted state. Raises what ``ask`` raises.

    ``unsettled``: judge also what is on its way, where the database may be older than the node.
    """
    survey = ask("survey")
    result = Comparing()
    for kind in kinds:
        if kind.comparison is not None and kind.name in survey["kinds"]:
            side = _Side(node_id, kind, kind.comparison, unsettled=unsettled)
            result.found += _compare_kind(side, survey["kinds"][kind.name]["shards"], ask, result)
            result.moving |= {(kind.name, id_) for id_ in side.moving}
        elif kind.comparison is None:
            result.moving |= _on_their_way(node_id, kind)
    result.found = [one for one in result.found if (one.kind, one.key) not in result.moving]
    result.all_foreign = survey["foreign_count"] == len(survey["foreign"])
    result.found += [_foreign(row) for row in survey["foreign"]]
    result.found += [
        Found(kind=FILE, key=name, name=name, what="file") for name, good in sorted(survey["files"].items()) if not good
    ]
    return result


class _Side:
    """The panel's side of one kind: what the node should have, read once as lines and again in full where need be."""

    def __init__(self, node_id: uuid.UUID, kind: Kind, comparison: Comparison, *, unsettled: bool) -> None:
        self.kind, self.comparison, self.node_id = kind, comparison, node_id
        self.moving: set[str] = set()
        self.ids: dict[str, list[str]] = defaultdict(list)
        self.digests: dict[str, str] = {}
        self._read(unsettled=unsettled)

    def _read(self, *, unsettled: bool) -> None:
        model, name = self.kind.model, self.kind.name
        settled = model.seen_generation == model.wanted_generation
        there = select(cast(model.id, String), settled, model.want, *self.comparison.columns.values())
        query = self._joined(there).where(model.node_id == self.node_id, or_(model.want == "put", ~settled))
        lines: dict[str, list[str]] = defaultdict(list)
        for id_, is_settled, want, *values in _fetch(query):
            text = _dashed(id_)
            if not (is_settled or unsettled):
                self.moving.add(text)
            elif want == "put":
                self.ids[shard_of(text)].append(text)
                lines[shard_of(text)].append(line_of(name, text, *values))
        self.digests = {shard: shard_digest(held) for shard, held in lines.items()}

    def differing(self, theirs: Mapping[str, str]) -> list[str]:
        """The shards that are not the same on both sides."""
        every = sorted(self.digests.keys() | theirs.keys())
        return [shard for shard in every if self.digests.get(shard, _EMPTY) != theirs.get(shard, _EMPTY)]

    def rows(self, ids: Sequence[str]) -> dict[str, Any]:
        """Rows by id, whatever is wanted of them: ``want``, ``generation``, ``member_id`` and the fields."""
        model = self.kind.model
        named = [column.label(f"field_{name}") for name, column in self.comparison.columns.items()]
        query = self._joined(
            select(model.id, model.want, model.wanted_generation.label("generation"), model.member_id, *named)
        )
        found: dict[str, Any] = {}
        for some in chunks(ids, IDS_AT_ONCE):
            known = [known for id_ in some if (known := _as_uuid(id_)) is not None]
            chunk = query.where(model.node_id == self.node_id, model.id.in_(known))
            found |= {str(row.id): row for row in db.session.execute(chunk)}
        return found

    def fields(self, row: Any) -> dict[str, Any]:
        """What the node should have of a row."""
        return {name: getattr(row, f"field_{name}") for name in self.comparison.columns}

    def _joined(self, query: Select[Any]) -> Select[Any]:
        for target in self.comparison.joins:
            query = query.join(target)
        return query


def _compare_kind(side: _Side, theirs: Mapping[str, str], ask: Ask, result: Comparing) -> Iterator[Found]:
    result.resources += sum(len(ids) for ids in side.ids.values())
    differing = side.differing(theirs)
    result.shards += len(differing)
    tombstones = _Tombstones(side.kind.name, ask)
    for shards in chunks(differing, SHARDS_AT_ONCE):
        there = ask("keys", kind=side.kind.name, shards=list(shards))["items"]
        rows = side.rows([id_ for shard in shards for id_ in side.ids[shard]])
        yield from _differences(side, rows, there, ask, tombstones)


def _differences(
    side: _Side, rows: Mapping[str, Any], there: Mapping[str, Any], ask: Ask, tombstones: _Tombstones
) -> Iterator[Found]:
    changed = [id_ for id_, row in rows.items() if id_ in there and _digest(side, id_, row) != there[id_]["digest"]]
    unknown = [id_ for id_ in there if id_ not in rows and id_ not in side.moving]
    bodies = _bodies(side.kind.name, [*changed, *unknown], ask)
    for id_, row in rows.items():
        if id_ not in there:
            yield _missing(side, id_, row, tombstones[id_])
        elif id_ in bodies:
            yield _different(side, id_, row, there[id_], bodies[id_])
        elif there[id_]["generation"] != row.generation or not there[id_]["served"]:
            yield _not_as_told(side, id_, row, there[id_])
    removed = side.rows(unknown)
    for id_ in unknown:
        yield _only_here(side, id_, removed.get(id_), there[id_], bodies.get(id_, {}))


def _missing(side: _Side, id_: str, row: Any, generation: int) -> Found:
    return _found(side, id_, row, "missing", wanted=side.fields(row), generation=generation)


def _different(side: _Side, id_: str, row: Any, there: Mapping[str, Any], body: Mapping[str, Any]) -> Found:
    wanted = side.fields(row)
    differs = [name for name in wanted if wanted[name] != body.get(name)]
    return _found(side, id_, row, "different", wanted=wanted, body=body, there=there, differs=differs)


def _not_as_told(side: _Side, id_: str, row: Any, there: Mapping[str, Any]) -> Found:
    what = "stale_generation" if there["served"] else "not_served"
    fields = side.fields(row)
    return _found(side, id_, row, what, wanted=fields, body=fields, there=there)


def _only_here(side: _Side, id_: str, row: Any, there: Mapping[str, Any], body: Mapping[str, Any]) -> Found:
    return _found(side, id_, row, "only_here", body=body, there=there)


def _found(
    side: _Side,
    id_: str,
    row: Any,
    what: str,
    *,
    wanted: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    there: Mapping[str, Any] | None = None,
    differs: Sequence[str] = (),
    generation: int = 0,
) -> Found:
    there = there or {"generation": generation, "digest": "", "served": False, "name": ""}
    name = side.comparison.name
    return Found(
        kind=side.kind.name,
        key=id_,
        name=str(getattr(row, f"field_{name}", None) or there["name"]),
        what=what,
        resource_id=_as_uuid(id_),
        member_id=getattr(row, "member_id", None),
        differs=list(differs),
        wanted=None if wanted is None else _shown(side, wanted),
        found=None if body is None else _shown(side, body),
        secrets=None if body is None else {name: body.get(name) for name in sorted(side.comparison.secrets)},
        digest=f"{there['digest']}:{there['generation']}:{int(there['served'])}",
        generation=there["generation"],
        compared=getattr(row, "generation", 0),
    )


def _shown(side: _Side, body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body.get(name) for name in side.comparison.columns if name not in side.comparison.secrets}


def _digest(side: _Side, id_: str, row: Any) -> str:
    return KINDS[side.kind.name](id=id_, generation=row.generation, **side.fields(row)).digest()


def _bodies(kind: str, ids: Sequence[str], ask: Ask) -> dict[str, Mapping[str, Any]]:
    return {body["id"]: body for some in chunks(ids, IDS_AT_ONCE) for body in ask("read", kind=kind, ids=some)["items"]}


class _Tombstones:
    """The generations with which the node removed things, asked for only where something is missing."""

    def __init__(self, kind: str, ask: Ask) -> None:
        self._kind, self._ask = kind, ask
        self._gone: Mapping[str, int] | None = None

    def __getitem__(self, id_: str) -> int:
        if self._gone is None:
            self._gone = self._ask("known", kind=self._kind)["gone"]
        return self._gone.get(id_, 0)


def _on_their_way(node_id: uuid.UUID, kind: Kind) -> set[tuple[str, str]]:
    """Removals under way of what the node lists under other kinds."""
    model: Any = kind.model
    moving = model.seen_generation < model.wanted_generation
    rows = db.session.execute(select(model.kind, model.id).where(model.node_id == node_id, moving))
    return {(row.kind, str(row.id)) for row in rows}


def _foreign(row: Mapping[str, str]) -> Found:
    return Found(
        kind=MAP_ROW,
        key=f"{row['map']} {row['key']}",
        name=row["key"],
        what="foreign",
        found=dict(row),
        digest=hashlib.sha256(row["value"].encode()).hexdigest(),
    )


def _fetch(query: Select[Any]) -> Iterator[Any]:
    """The rows of a large query as plain tuples."""
    result = db.session.connection().execute(query)
    while rows := result.fetchmany(ROWS_AT_ONCE):
        yield from map(tuple, rows)


def _dashed(id_: str) -> str:
    """An id as it is written everywhere else; SQLite keeps it without dashes."""
    return id_ if len(id_) == 36 else f"{id_[:8]}-{id_[8:12]}-{id_[12:16]}-{id_[16:20]}-{id_[20:]}"


def _as_uuid(id_: str) -> uuid.UUID | None:
    """None for what somebody wrote on the node by hand and no id of ours can be."""
    try:
        found = uuid.UUID(id_)
    except ValueError:
        return None
    return found if str(found) == id_ else None


def chunks(some: Iterable[T], size: int) -> Iterator[list[T]]:
    """``some`` in lists of at most ``size``."""
    rest = iter(some)
    while chunk := list(islice(rest, size)):
        yield chunk
