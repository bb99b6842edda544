"""Comparing a node with what it should have: shard by shard first, one by one only where shards differ.

Reads on both sides, changes nothing on either. What is on its way to the node is no difference.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import String, cast, select

from panel.engine.kinds import Kind
from panel.engine.sides import IDS_AT_ONCE, Side, as_uuid, chunks, counted, dashed, fetch, plain
from panel.kernel.db import db
from panel.ledger.differences import FILE, MAP_ROW
from provisioning.resources import KINDS
from provisioning.shards import shard_of

Ask = Callable[..., Mapping[str, Any]]
"""Asks the node's agent a reading request: ``ask(op, **fields)``."""

SHARDS_AT_ONCE = 32


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
            side = Side(node_id, kind, kind.comparison, unsettled=unsettled)
            result.found += _compare_kind(side, survey["kinds"][kind.name], ask, result)
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


def _compare_kind(side: Side, theirs: Mapping[str, Any], ask: Ask, result: Comparing) -> Iterator[Found]:
    result.resources += sum(len(ids) for ids in side.ids.values())
    differing = side.differing(theirs["shards"]) or _of_other_generations(side, theirs, ask)
    result.shards += len(differing)
    tombstones = _Tombstones(side.kind.name, ask)
    for shards in chunks(differing, SHARDS_AT_ONCE):
        there = ask("keys", kind=side.kind.name, shards=list(shards))["items"]
        rows = side.rows([id_ for shard in shards for id_ in side.ids[shard]])
        yield from _differences(side, rows, there, ask, tombstones)


def _of_other_generations(side: Side, theirs: Mapping[str, Any], ask: Ask) -> list[str]:
    """The shards in which only generations differ: looked for where their sum does, and nothing is on its way."""
    if side.moving or theirs.get("generations", side.generations) == side.generations:
        return []
    there = ask("known", kind=side.kind.name)["items"]
    model = side.kind.model
    mine: Any = select(cast(model.id, String), model.wanted_generation)
    rows = fetch(mine.where(model.node_id == side.node_id, model.want == "put"))
    return sorted({shard_of(id_) for id_, generation in rows if there.get(dashed(id_), generation) != generation})


def _differences(
    side: Side, rows: Mapping[str, Any], there: Mapping[str, Any], ask: Ask, tombstones: _Tombstones
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


def _missing(side: Side, id_: str, row: Any, generation: int) -> Found:
    return _found(side, id_, row, "missing", wanted=side.fields(row), generation=generation)


def _different(side: Side, id_: str, row: Any, there: Mapping[str, Any], body: Mapping[str, Any]) -> Found:
    wanted = side.fields(row)
    differs = [name for name in wanted if wanted[name] != body.get(name)]
    found = _found(side, id_, row, "different", wanted=wanted, body=body, there=there, differs=differs)
    if side.comparison.explain is None:
        return found
    return replace(found, **side.comparison.explain(id_, wanted, body))


def _not_as_told(side: Side, id_: str, row: Any, there: Mapping[str, Any]) -> Found:
    what = "stale_generation" if there["served"] else "not_served"
    fields = side.fields(row)
    return _found(side, id_, row, what, wanted=fields, body=fields, there=there)


def _only_here(side: Side, id_: str, row: Any, there: Mapping[str, Any], body: Mapping[str, Any]) -> Found:
    return _found(side, id_, row, "only_here", body=body, there=there)


def _found(
    side: Side,
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
        key=plain(id_),
        name=plain(str(getattr(row, f"field_{name}", None) or there["name"])),
        what=what,
        resource_id=as_uuid(id_),
        member_id=getattr(row, "member_id", None),
        differs=list(differs),
        wanted=None if wanted is None else _shown(side, wanted),
        found=None if body is None else _shown(side, body),
        secrets=None if body is None else {name: body.get(name) for name in sorted(side.comparison.secrets)},
        digest=f"{there['digest']}:{there['generation']}:{int(there['served'])}",
        generation=counted(there["generation"]),
        compared=getattr(row, "generation", 0),
    )


def _shown(side: Side, body: Mapping[str, Any]) -> dict[str, Any]:
    unsaid = {name for name in KINDS[side.kind.name].later if body.get(name) == ""}
    hidden = side.comparison.secrets | unsaid
    shown = {name: body.get(name) for name in side.comparison.columns if name not in hidden}
    return {name: plain(value) if isinstance(value, str) else value for name, value in shown.items()}


def _digest(side: Side, id_: str, row: Any) -> str:
    return KINDS[side.kind.name].digest_of(id_, side.fields(row))


def _bodies(kind: str, ids: Sequence[str], ask: Ask) -> dict[str, Mapping[str, Any]]:
    # What agents of an earlier protocol do not say stands for nothing there (``Resource.later``).
    unsaid = dict.fromkeys(KINDS[kind].later, "")
    asked = (ask("read", kind=kind, ids=some) for some in chunks(ids, IDS_AT_ONCE))
    return {body["id"]: unsaid | body for reply in asked for body in reply["items"]}


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
        key=plain(f"{row['map']} {row['key']}"),
        name=plain(row["key"]),
        what="foreign",
        found={name: plain(value) for name, value in row.items()},
        secrets={"key": row["key"]},  # as the node has to be asked for it, whatever it holds
        digest=hashlib.sha256(row["value"].encode(errors="backslashreplace")).hexdigest(),
    )
