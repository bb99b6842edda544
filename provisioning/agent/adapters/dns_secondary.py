"""The adapter of a secondary name server: it takes nothing from the panel, and tells how BIND is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from provisioning.agent.adapters import bind_base
from provisioning.agent.adapters.commands import CommandFailed, run
from provisioning.agent.adapters.contract import Foreign, Inspected, Late, Staged
from provisioning.agent.placed import ConfigFile
from provisioning.agent.store import Key, Store, Transaction
from provisioning.resources import Item, Resource


class SecondaryAdapter:
    """BIND, which follows the primaries' catalogs by itself."""

    kinds: frozenset[str] = frozenset()
    measures = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def files(self) -> list[ConfigFile]:
        """Name the main file and the keys, where set-up noted what it wrote."""
        tx = Transaction(self._store.connection)
        noted = {path: tx.fact(bind_base.fact_of(path)) for path in (bind_base.CONFIG, bind_base.KEYS)}
        return [
            ConfigFile(path, bind_base.MODES[path], _digests_to(digest), bind_base.group_of(path))
            for path, digest in noted.items()
            if digest
        ]

    def health(self) -> dict[str, Any]:
        """Tell whether BIND answers its control program."""
        try:
            run(["rndc", "-s", "127.0.0.1", "status"])
        except CommandFailed:
            return {"folders": [str(bind_base.CATALOGS)], "daemons": {"named": False}}
        return {"folders": [str(bind_base.CATALOGS)], "daemons": {"named": True}}

    def verify(self) -> dict[str, Any]:
        """Tell the same to who asks on the node; there are no rows to compare."""
        return {"differing": 0, "daemons": self.health()["daemons"]}

    def current(self, tx: Transaction, keys: Iterable[Key]) -> dict[Key, Resource]:  # noqa: ARG002  # the contract's own
        """Read nothing."""
        return {}

    def count(self, tx: Transaction, kind: str) -> int:  # noqa: ARG002  # the contract's own
        """Count nothing."""
        return 0

    def stage(
        self,
        tx: Transaction,  # noqa: ARG002  # the contract's own
        batch: str,  # noqa: ARG002  # the contract's own
        changes: Sequence[Item],  # noqa: ARG002  # the contract's own
        before: Mapping[Key, Resource],  # noqa: ARG002  # the contract's own
        *,
        repair: bool,  # noqa: ARG002  # the contract's own
    ) -> Staged:
        """Write nothing: what no role takes is refused before."""
        return Staged({})

    def finish(self) -> list[Late]:
        """Do nothing."""
        return []

    def prepare(self) -> None:
        """Do nothing."""

    def watch(self, tx: Transaction, watch: Mapping[str, Any]) -> None:
        """Do nothing: probes of zones need nothing here."""

    def state(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:  # noqa: ARG002  # the contract's own
        """Read nothing."""
        return {}

    def lines(self, tx: Transaction, kind: str) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002  # the contract's own
        """Read nothing."""
        return iter(())

    def generations(
        self,
        tx: Transaction,  # noqa: ARG002  # the contract's own
        kind: str,  # noqa: ARG002  # the contract's own
        shards: Collection[str] | None = None,  # noqa: ARG002  # the contract's own
    ) -> Iterator[tuple[str, Any]]:
        """Read nothing."""
        return iter(())

    def inspect(self, tx: Transaction, kind: str | None = None) -> Inspected:  # noqa: ARG002  # the contract's own
        """Compare nothing: which zones there are is the catalogs' to say."""
        return Inspected({})

    def drop(self, foreign: Collection[tuple[str, str]], tell: Callable[[Sequence[Foreign]], None]) -> list[Foreign]:  # noqa: ARG002  # the contract's own
        """Take nothing away."""
        return []

    def of_own(self, foreign: Collection[tuple[str, str]]) -> list[tuple[str, str]]:  # noqa: ARG002  # the contract's own
        """Know none."""
        return []

    def use(self, after: int, *, seconds: float, every: float) -> dict[str, Any]:  # noqa: ARG002  # the contract's own
        """Tell nothing."""
        return {"use": {}, "mark": after, "more": False, "whole_seconds": None}


def _digests_to(digest: str) -> Callable[[bytes], bool]:
    return lambda content: hashlib.sha256(content).hexdigest() == digest
