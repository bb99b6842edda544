"""The adapter of zones: rows in the agent's store, zone files, and Knot 3.2, which numbers, signs and serves them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from provisioning.agent.adapters import dns_finish, dns_journal, dns_reading, dns_rows, dns_survey, knot_drift
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.adapters.contract import Foreign, Inspected, Late, Staged
from provisioning.agent.adapters.dns_config import DATABASES, ZONES
from provisioning.agent.adapters.dns_knot import Knot
from provisioning.agent.adapters.dns_stage import Staging
from provisioning.agent.adapters.knot_control import KnotError
from provisioning.agent.placed import ConfigFile
from provisioning.agent.store import Key, Store, Transaction
from provisioning.resources import InvalidResource, Item, Resource, Zone

T = TypeVar("T")

_EXAMPLES = 20
_ANNOUNCED_MAX = 10_000
_NOTHING = Inspected({})


class DnsAdapter:
    """Zones of a primary name server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._moved: Mapping[str, tuple[int, int]] = {}

    @property
    def kinds(self) -> frozenset[str]:
        """Zones."""
        return frozenset({Zone.kind})

    @property
    def measures(self) -> bool:
        """Tell that it does not: nobody is charged for the octets of zones."""
        return False

    def current(self, tx: Transaction, keys: Iterable[Key]) -> dict[Key, Resource]:
        """Read rows."""
        ids = [id_ for kind, id_ in keys if kind == Zone.kind]
        return {(Zone.kind, row.id): row.zone() for row in dns_rows.rows(tx, ids)} if ids else {}

    def count(self, tx: Transaction, kind: str) -> int:
        """Count rows."""
        return int(tx.connection.execute("SELECT count(*) FROM zone").fetchone()[0]) if kind == Zone.kind else 0

    def stage(
        self, tx: Transaction, batch: str, changes: Sequence[Item], before: Mapping[Key, Resource], *, repair: bool
    ) -> Staged:
        """Write rows and queue what Knot must learn; Knot is asked for zones that are somebody else's."""
        return Staging(tx, batch, changes, before, repair=repair).run()

    def finish(self) -> list[Late]:
        """Write zone files, configure, load, read back; delete what was purged."""
        return dns_finish.run(self._store)

    def prepare(self) -> None:
        """Note the serials that a survey found moved by nothing but Knot's own signing."""
        if self._moved:
            with self._store.write_lightly() as tx:
                dns_rows.note(
                    tx,
                    (
                        (id_, generation, dns_rows.SERVED, serial, None)
                        for id_, (generation, serial) in self._moved.items()
                    ),
                )
            self._moved = {}

    def watch(self, tx: Transaction, watch: Mapping[str, Any]) -> None:  # noqa: ARG002  # the contract's own
        """Tell secondaries again of the zones in ``announce``: they may have missed it. Raises InvalidResource."""
        names = watch.get("announce", [])
        if not isinstance(names, list) or len(names) > _ANNOUNCED_MAX or not all(isinstance(one, str) for one in names):
            raise InvalidResource("announce", "type")
        if names:
            with suppress(CommandFailed):  # what is seen later tells whether it helped
                self._ask(lambda knot: knot.announce(names))

    def state(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read rows, and ask Knot which of them it has loaded, with their serials. Raises CommandFailed."""
        rows = list(dns_rows.rows(Transaction(self._store.connection), ids)) if kind == Zone.kind else []
        serials = self._ask(lambda knot: knot.serials([row.name for row in rows])) if rows else {}
        return {
            row.id: {
                "generation": row.generation,
                "digest": row.zone().digest(),
                "served": row.name in serials and row.state == dns_rows.SERVED,
                "serial": serials.get(row.name),
            }
            for row in rows
        }

    def lines(self, tx: Transaction, kind: str) -> Iterator[tuple[Any, ...]]:
        """Read the rows as they are, of their content the digest."""
        for row in dns_rows.rows(tx) if kind == Zone.kind else ():
            yield Zone.kind, row.id, row.name, row.content()

    def generations(
        self, tx: Transaction, kind: str, shards: Collection[str] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Read the generations that stand in the rows."""
        rows = tx.connection.execute("SELECT id, generation FROM zone") if kind == Zone.kind else ()
        return ((id_, generation) for id_, generation in rows if shards is None or id_[-2:] in shards)

    def inspect(self, tx: Transaction, kind: str | None = None) -> Inspected:
        """Compare Knot's configuration, files and answers with the rows. Raises CommandFailed."""
        if kind not in {None, Zone.kind}:
            return _NOTHING
        found = dns_survey.look(tx)
        self._moved = found.moved
        return Inspected({Zone.kind: found.unserved}, tuple(found.foreign))

    def drop(self, foreign: Collection[tuple[str, str]], tell: Callable[[Sequence[Foreign]], None]) -> list[Foreign]:
        """Take zones that nobody wanted out of Knot's configuration; their files and keys stay.

        Raises CommandFailed, InvalidResource.
        """
        with dns_finish.alone():
            return self._ask(lambda knot: self._drop(knot, foreign, tell))

    def of_own(self, foreign: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        """Choose the zones."""
        return [pair for pair in foreign if pair[0] == dns_survey.MAP]

    def _drop(
        self, knot: Knot, foreign: Collection[tuple[str, str]], tell: Callable[[Sequence[Foreign]], None]
    ) -> list[Foreign]:
        found = dns_survey.drop(knot, Transaction(self._store.connection), foreign)
        tell(found)
        knot.configure({}, {}, [one.key for one in found], {})
        return found

    def files(self) -> list[ConfigFile]:
        """Name what Knot is started with, which stands for set-up's part of its database too."""
        return knot_drift.files(Transaction(self._store.connection))

    def health(self) -> dict[str, Any]:
        """Tell whether Knot answers."""
        try:
            running = bool(self._ask(lambda knot: knot.is_running()))
        except CommandFailed:
            running = False
        return {"folders": [ZONES, DATABASES], "daemons": {"knot": running}}

    def use(self, after: int, *, seconds: float, every: float) -> dict[str, Any]:  # noqa: ARG002  # the contract's own
        """Tell nothing."""
        return {"use": {}, "mark": after, "more": False, "whole_seconds": None}

    def zones(self, names: Sequence[str]) -> dict[str, Any]:
        """Tell serials, DS records and ends of signatures. Raises CommandFailed."""
        return self._ask(lambda knot: dns_reading.facts(knot, names))

    def sets(self, names: Sequence[str]) -> dict[str, Any]:
        """Tell what zones that take updates hold now. Raises CommandFailed."""
        told = self._ask(lambda knot: {name: dns_reading.sets(knot, name) for name in names})
        return {name: found for name, found in told.items() if found is not None}

    def changes(self, since: Mapping[str, int | None]) -> dict[str, Any]:
        """Tell what programs changed in zones that take updates, since serials. Raises CommandFailed."""
        ours = dns_rows.updated(Transaction(self._store.connection), since)
        told = self._ask(lambda knot: {name: dns_journal.changes(knot, name, since[name]) for name in ours})
        return {name: found for name, found in told.items() if found is not None}

    def confirm_ds(self, names: Sequence[str]) -> dict[str, bool]:
        """Have keys go on whose DS the parents have; False: no key of the zone waits. Raises CommandFailed."""
        return self._ask(lambda knot: knot.confirm_ds(names))

    def verify(self) -> dict[str, Any]:
        """Compare everything and tell what differs. Raises CommandFailed."""
        with self._store.read() as tx:
            found = dns_survey.look(tx)
            queued = len(dns_rows.pending(tx))
            names = {row.id: row.name for row in dns_rows.rows(tx)}
        missing, foreign = sorted(names[id_] for id_ in found.unserved), sorted(one.key for one in found.foreign)
        told = {"rows": len(names), "missing": len(missing), "foreign": len(foreign)}
        told["examples"] = {"missing": missing[:_EXAMPLES], "foreign": foreign[:_EXAMPLES]}  # type: ignore[assignment]  # JSON's own mixture
        return {"differing": len(missing) + len(foreign) + queued, "zones": told, "zones_queued": queued}

    @staticmethod
    def _ask(question: Callable[[Knot], T]) -> T:
        try:
            with Knot.reached() as knot:
                return question(knot)
        except KnotError as error:
            raise CommandFailed(str(error)) from error
