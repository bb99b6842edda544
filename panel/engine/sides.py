"""The panel's side of a comparison: what a node should have of one kind, as lines and, where need be, in full."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Select, String, cast, or_, select

from panel.engine.kinds import Comparison, Kind
from panel.kernel.db import db
from provisioning.shards import line_of, shard_digest, shard_of

T = TypeVar("T")

IDS_AT_ONCE, ROWS_AT_ONCE = 500, 10_000
HELD_BACK = ("stale_generation", "rolled_back")
"""Why a node refuses what is wanted because it knows better: such rows go nowhere before a person decides."""

TEXT_MOST, GENERATION_MOST = 300, 2**31 - 1_000_000
_EMPTY = shard_digest(())


class Side:
    """The panel's side of one kind: what the node should have, read once as lines and again in full where need be."""

    def __init__(self, node_id: uuid.UUID, kind: Kind, comparison: Comparison, *, unsettled: bool) -> None:
        self.kind, self.comparison, self.node_id = kind, comparison, node_id
        self.moving: set[str] = set()
        self.ids: dict[str, list[str]] = defaultdict(list)
        self.digests: dict[str, str] = {}
        self.generations = 0
        self._read(unsettled=unsettled)

    def _read(self, *, unsettled: bool) -> None:
        model, name = self.kind.model, self.kind.name
        settled = or_(model.seen_generation == model.wanted_generation, model.problem_code.in_(HELD_BACK))
        own = (cast(model.id, String), settled, model.want, model.wanted_generation)
        query = self._joined(select(*own, *self.comparison.columns.values())).where(
            model.node_id == self.node_id, or_(model.want == "put", ~settled)
        )
        lines: dict[str, list[str]] = defaultdict(list)
        for id_, is_settled, want, generation, *values in fetch(query):
            text = dashed(id_)
            if not (is_settled or unsettled):
                self.moving.add(text)
            elif want == "put":
                self.generations += generation
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
            known = [known for id_ in some if (known := as_uuid(id_)) is not None]
            chunk = query.where(model.node_id == self.node_id, model.id.in_(known))
            found |= {str(row.id): row for row in db.session.execute(chunk)}
        return found

    def fields(self, row: Any) -> dict[str, Any]:
        """What the node should have of a row."""
        return {name: getattr(row, f"field_{name}") for name in self.comparison.columns}

    def _joined(self, query: Select[Any]) -> Select[Any]:
        for target in self.comparison.joins:
            query = query.outerjoin(target)
        return query


def fetch(query: Select[Any]) -> Iterator[Any]:
    """The rows of a large query as plain tuples."""
    result = db.session.connection().execute(query)
    while rows := result.fetchmany(ROWS_AT_ONCE):
        yield from map(tuple, rows)


def dashed(id_: str) -> str:
    """An id as it is written everywhere else; SQLite keeps it without dashes."""
    return id_ if len(id_) == 36 else f"{id_[:8]}-{id_[8:12]}-{id_[12:16]}-{id_[16:20]}-{id_[20:]}"


def as_uuid(id_: str) -> uuid.UUID | None:
    """None for what somebody wrote on the node by hand and no id of ours can be."""
    try:
        found = uuid.UUID(id_)
    except ValueError:
        return None
    return found if str(found) == id_ else None


def plain(text: str) -> str:
    """``text`` from a node as every database keeps it and no terminal obeys it; changed, it stays unlike all others."""
    kept = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)[:TEXT_MOST]
    if kept == text:
        return text
    return f"{kept} #{hashlib.sha256(text.encode(errors='backslashreplace')).hexdigest()[:16]}"


def counted(generation: int) -> int:
    """A generation from a node, at most what a column can hold with room to rise."""
    return max(0, min(generation, GENERATION_MOST))


def chunks(some: Iterable[T], size: int) -> Iterator[list[T]]:
    """``some`` in lists of at most ``size``."""
    rest = iter(some)
    while chunk := list(islice(rest, size)):
        yield chunk
