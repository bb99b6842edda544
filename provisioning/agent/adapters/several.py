"""One adapter made of several: a node with more roles than one has one store and one queue of the panel's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from provisioning.agent.adapters.contract import Adapter, Foreign, Inspected, Late, Staged, Verdict
from provisioning.agent.placed import ConfigFile
from provisioning.agent.store import Key, Transaction
from provisioning.resources import Item, Resource


class SeveralAdapters:
    """Asks of each what is of its kinds, and of all what is of none."""

    def __init__(self, adapters: Sequence[Adapter]) -> None:
        self._adapters = tuple(adapters)
        self._of = {kind: adapter for adapter in adapters for kind in adapter.kinds}

    @property
    def kinds(self) -> frozenset[str]:
        """Those of all."""
        return frozenset(self._of)

    @property
    def measures(self) -> bool:
        """Tell whether any does."""
        return any(adapter.measures for adapter in self._adapters)

    def current(self, tx: Transaction, keys: Iterable[Key]) -> dict[Key, Resource]:
        """Read what is there now."""
        keys = list(keys)
        found: dict[Key, Resource] = {}
        for adapter in self._adapters:
            own = [key for key in keys if key[0] in adapter.kinds]
            found |= adapter.current(tx, own) if own else {}
        return found

    def count(self, tx: Transaction, kind: str) -> int:
        """Count what is there of a kind."""
        return self._of[kind].count(tx, kind)

    def stage(
        self, tx: Transaction, batch: str, changes: Sequence[Item], before: Mapping[Key, Resource], *, repair: bool
    ) -> Staged:
        """Have each write the rows of its own kinds."""
        refused: dict[Key, Verdict] = {}
        paces: dict[str, int] = {}
        for adapter in self._adapters:
            own = [item for item in changes if item.kind in adapter.kinds]
            if own:
                had = {key: resource for key, resource in before.items() if key[0] in adapter.kinds}
                staged = adapter.stage(tx, batch, own, had, repair=repair)
                refused |= staged.refused
                paces |= staged.paces
        return Staged(refused, paces)

    def finish(self) -> list[Late]:
        """Do all that is queued."""
        return [late for adapter in self._adapters for late in adapter.finish()]

    def prepare(self) -> None:
        """Get ready for the next batch."""
        for adapter in self._adapters:
            adapter.prepare()

    def watch(self, tx: Transaction, watch: Mapping[str, Any]) -> None:
        """Prepare probes."""
        for adapter in self._adapters:
            adapter.watch(tx, watch)

    def state(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read resources from the real service."""
        return self._of[kind].state(kind, ids)

    def lines(self, tx: Transaction, kind: str) -> Iterator[tuple[Any, ...]]:
        """Read all rows of a kind."""
        return self._of[kind].lines(tx, kind)

    def generations(
        self, tx: Transaction, kind: str, shards: Collection[str] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Read the generations of a kind."""
        return self._of[kind].generations(tx, kind, shards)

    def inspect(self, tx: Transaction, kind: str | None = None) -> Inspected:
        """Compare what the services read with the rows."""
        if kind is not None:
            return self._of[kind].inspect(tx, kind)
        found = [adapter.inspect(tx) for adapter in self._adapters]
        unserved = {kind: ids for one in found for kind, ids in one.unserved.items()}
        return Inspected(unserved, tuple(row for one in found for row in one.foreign))

    def drop(self, foreign: Collection[tuple[str, str]], tell: Callable[[Sequence[Foreign]], None]) -> list[Foreign]:
        """Have each take away what nobody wanted of what it knows by these names."""
        return [row for adapter in self._adapters for row in adapter.drop(adapter.of_own(foreign), tell)]

    def of_own(self, foreign: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        """Choose the rows that some of them know."""
        return [pair for adapter in self._adapters for pair in adapter.of_own(foreign)]

    def files(self) -> list[ConfigFile]:
        """Name all configuration files."""
        return [file for adapter in self._adapters for file in adapter.files()]

    def health(self) -> dict[str, Any]:
        """Tell what each tells."""
        told: dict[str, Any] = {"folders": [], "daemons": {}}
        for adapter in self._adapters:
            own = adapter.health()
            folders, daemons = [*told["folders"], *own.pop("folders", ())], told["daemons"] | own.pop("daemons", {})
            told |= {**own, "folders": folders, "daemons": daemons}
        return told

    def use(self, after: int, *, seconds: float, every: float) -> dict[str, Any]:
        """Ask the one that measures; of none: nothing."""
        for adapter in self._adapters:
            if adapter.measures:
                return adapter.use(after, seconds=seconds, every=every)
        return {"use": {}, "mark": after, "more": False, "whole_seconds": None}
