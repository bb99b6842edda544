"""An adapter whose service is a table: for the engine's own rules. Real services stand in `tests/contract`."""

# ruff: noqa: ARG002  # a protocol's methods take what this one does not need

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from provisioning.agent.adapters import mail_rows
from provisioning.agent.adapters.contract import Foreign, Inspected, Late, Staged
from provisioning.agent.placed import ConfigFile
from provisioning.agent.store import Key, Transaction
from provisioning.resources import Gone, Item, Resource


class MemoryAdapter:
    """Keeps rows in the mail tables and does nothing else; what it shall answer late is set by the test."""

    kinds = frozenset(mail_rows.KINDS)
    measures = True

    def __init__(self) -> None:
        self.late: list[Late] = []
        self.paces: dict[str, int] = {}
        self.unserved: set[str] = set()
        self.foreign: list[Foreign] = []
        self.fault: Exception | None = None

    def current(self, tx: Transaction, keys: Iterable[Key]) -> dict[Key, Resource]:
        return mail_rows.read(tx, keys)

    def count(self, tx: Transaction, kind: str) -> int:
        return mail_rows.count(tx, kind)

    def stage(
        self, tx: Transaction, batch: str, changes: Sequence[Item], before: Mapping[Key, Resource], *, repair: bool
    ) -> Staged:
        if self.fault is not None:
            raise self.fault
        for item in changes:
            mail_rows.delete(tx, item.kind, [item.id])
            if not isinstance(item, Gone):
                mail_rows.write(tx, item.kind, [item])
        return Staged({}, self.paces)

    def finish(self) -> list[Late]:
        late, self.late = self.late, []
        return late

    def prepare(self) -> None:
        pass

    def watch(self, tx: Transaction, watch: Mapping[str, Any]) -> None:
        pass

    def state(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {}

    def lines(self, tx: Transaction, kind: str) -> Iterator[tuple[Any, ...]]:
        return mail_rows.lines(tx, kind)

    def generations(
        self, tx: Transaction, kind: str, shards: Collection[str] | None = None
    ) -> Iterator[tuple[str, Any]]:
        return mail_rows.generations(tx, kind, shards)

    def inspect(self, tx: Transaction, kind: str | None = None) -> Inspected:
        return Inspected(dict.fromkeys(self.kinds, self.unserved), self.foreign)

    def drop(self, foreign: Collection[tuple[str, str]], tell: Callable[[Sequence[Foreign]], None]) -> list[Foreign]:
        found = [row for row in self.foreign if (row.map, row.key) in foreign]
        tell(found)
        return found

    def of_own(self, foreign: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        return list(foreign)

    def files(self) -> list[ConfigFile]:
        return []

    def health(self) -> dict[str, Any]:
        return {"folders": [], "queue": {"active": 0, "deferred": 0}}

    def use(self, after: int, *, seconds: float, every: float) -> dict[str, Any]:
        return {"use": {}, "mark": after, "more": False, "whole_seconds": None}

    def verify(self) -> dict[str, Any]:
        return {"differing": 0}
