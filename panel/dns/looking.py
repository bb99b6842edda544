"""Looking at zones from outside: what primary and secondaries answer, which is what counts.

Of a change exactly the changed sets are asked for, of the primary and of every secondary, and each secondary must have
come to the primary's serial. In bulk a sample of the zones is looked at like that, of the others the serials alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import bindparam, update

from panel.dns.asks import Asked, asked_of, changed_keys
from panel.dns.models import ZONES, Zone
from panel.dns.serials import later
from panel.dns.servers import secondaries
from panel.kernel.bulk import execute_many
from panel.kernel.db import table_of, unit_of_work
from panel.ledger import names
from panel.ledger.nodes import Node
from provisioning.probes.findings import Finding, NotSeen, Reason, Seen

SETS_AT_ONCE = 2_000
"""How many sets are asked for in one look; of what is more, a sample."""
LOOK_SECONDS, SECONDS_EACH, SILENT_SECONDS = 8.0, 0.02, 1.5
"""How long all servers may take to come to the same, and how long one that was silent a moment ago is waited for."""
SILENCE_SECONDS = 120.0
FLOOR_SECONDS = 1.5

Key = tuple[str, str]
W = TypeVar("W", bound="Row")


class Row(Protocol):
    """What is known of a resource in a batch (``engine.kinds.Wanted``)."""

    @property
    def row(self) -> Any:
        """The row as read."""

    @property
    def item(self) -> Any:
        """What is sent for it."""

    @property
    def key(self) -> Key:
        """Kind and id."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A name server to ask."""

    name: str
    address: str


class Answer(Protocol):
    """What was seen of one zone; ``code`` and ``words`` say why it is not as wanted."""

    @property
    def ok(self) -> bool:
        """Whether all servers answer what is wanted."""

    @property
    def code(self) -> str:
        """Why not."""

    @property
    def words(self) -> str:
        """Which server, and what it says."""

    @property
    def serial(self) -> int | None:
        """The primary's."""

    @property
    def by_server(self) -> Mapping[str, int | None]:
        """Each server's serial."""


class Probe(Protocol):
    """Asks name servers; the primary is the first of them."""

    def look(self, servers: Sequence[Target], asks: Mapping[str, Asked], *, until: float) -> Mapping[str, Answer]:
        """Look at zones by name until all servers agree, or until ``until`` (monotonic)."""

    def absent(self, servers: Sequence[Target], zones: Sequence[str], *, until: float) -> Mapping[str, Answer]:
        """The same of zones that no server may serve any more."""

    def serials(
        self, servers: Sequence[Target], zones: Sequence[str], *, until: float
    ) -> Mapping[str, Mapping[str, int | None]]:
        """The serials that servers answer for zones, asked once."""


class DnsLooker:
    """Looks at the zones of one primary, there and on all secondaries. Not thread-safe."""

    def __init__(self, node: Node, probe: Probe) -> None:
        self._primary = Target(name=node.name, address=node.address)
        self._probe = probe
        self._silent: dict[str, float] = {}

    def ready(self, wanted: Sequence[W]) -> Sequence[W]:
        """Have what the node never had go on from the serials that servers answer for it already."""
        new = [one for one in wanted if one.row.want == "put" and one.row.applied_generation == 0]
        if not new:
            return wanted
        until = time.monotonic() + FLOOR_SECONDS
        found = self._probe.serials(self._servers(), [one.row.name for one in new], until=until)
        floors = {one.row.id: _floor(one.row, found.get(one.row.name, {})) for one in new}
        raised = {one.row.id: floors[one.row.id] for one in new if floors[one.row.id] != one.row.serial_floor}
        _keep_floors(raised)
        return [_with_floor(one, raised[one.row.id]) if one.row.id in raised else one for one in wanted]

    def prepare(self, wanted: Sequence[W], *, deep: int = 20) -> DnsLook:
        """Choose which zones are looked at set by set; a node needs to know nothing of it."""
        zones = [one for one in wanted if one.row.want == "put"]
        changed = changed_keys([one.row for one in zones])
        asks = {one.row.name: asked_of(one.item, changed[one.row.id]) for one in zones}
        return DnsLook(self, _sampled(asks, deep), _removed(wanted))

    def look(self, asks: Mapping[str, Asked]) -> Mapping[str, Answer]:
        """What all servers answer of these zones."""
        found = self._probe.look(self._servers(), asks, until=self._until(len(asks))) if asks else {}
        self._remember(found)
        return found

    def absent(self, zones: Sequence[str]) -> Mapping[str, Answer]:
        """Whether the zones are gone from all servers."""
        return self._probe.absent(self._servers(), zones, until=self._until(len(zones))) if zones else {}

    def close(self) -> None:
        """Nothing is kept open: questions go by datagrams."""

    def _servers(self) -> list[Target]:
        return [self._primary, *(Target(name=node.name, address=node.address) for node in secondaries())]

    def _until(self, zones: int) -> float:
        now = time.monotonic()
        is_silent = any(now - at < SILENCE_SECONDS for at in self._silent.values())
        return now + (SILENT_SECONDS if is_silent else LOOK_SECONDS) + SECONDS_EACH * zones

    def _remember(self, found: Mapping[str, Answer]) -> None:
        """Note which servers were silent about everything, so that the next look does not wait as long for them."""
        heard: dict[str, bool] = {}
        for answer in found.values():
            for name, serial in answer.by_server.items():
                heard[name] = heard.get(name, False) or serial is not None
        now = time.monotonic()
        self._silent = {name: now for name, is_heard in heard.items() if not is_heard}


class DnsLook:
    """A look at one batch. No node has to be told of it."""

    watch: Mapping[str, Any] | None = None

    def __init__(self, looker: DnsLooker, asks: Mapping[str, Asked], removed: Sequence[str]) -> None:
        self._looker, self._asks, self._removed = looker, asks, frozenset(removed)

    def see(self, applied: Sequence[Row]) -> dict[Key, Finding]:
        """Look at each zone that the node confirmed."""
        put = [one for one in applied if one.row.want == "put"]
        gone = [one for one in applied if one.row.want != "put"]
        answers = self._looker.look({one.row.name: self._asks[one.row.name] for one in put})
        findings = {one.key: _finding(answers.get(one.row.name), self._asks[one.row.name]) for one in put}
        absent = self._looker.absent([one.row.name for one in gone if one.row.name in self._removed])
        return findings | {one.key: _absence(absent.get(one.row.name)) for one in gone}


def told(row: Any, finding: Seen) -> Mapping[str, Any]:
    """The columns of a zone that are written with what was seen."""
    if finding.how == "absent":
        return {"serial": row.serial, "seen_version": row.seen_version, "answers": {}}
    return {
        "serial": finding.told.get("serial", row.serial),
        "seen_version": row.version,
        "answers": dict(finding.told.get("answers", {})),
    }


def _finding(answer: Answer | None, asked: Asked) -> Finding:
    if answer is None:
        return NotSeen("protocol", "not looked at")
    if not answer.ok:
        return NotSeen(cast("Reason", answer.code), answer.words)
    deep = bool(asked.sets or asked.gone)
    return Seen("answered" if deep else "serial", told={"serial": answer.serial, "answers": dict(answer.by_server)})


def _absence(answer: Answer | None) -> Finding:
    """What is gone is answered by no server; a name that another zone has by now is that one's to answer."""
    if answer is None or answer.ok:
        return Seen("absent")
    return NotSeen(cast("Reason", answer.code), answer.words)


def _sampled(asks: Mapping[str, Asked], deep: int) -> dict[str, Asked]:
    """All of it where it is little; else set by set for a sample spread over the batch, and serials for the rest."""
    if sum(len(one.sets) + len(one.gone) for one in asks.values()) <= SETS_AT_ONCE:
        return dict(asks)
    step = max(1, len(asks) // max(1, deep))
    return {name: one if place % step == 0 else Asked() for place, (name, one) in enumerate(asks.items())}


def _removed(wanted: Sequence[Row]) -> list[str]:
    """Names of zones that go and that no other zone has."""
    gone = {one.row.name: one.row.id for one in wanted if one.row.want != "put"}
    held = names.taken(ZONES, list(gone))
    return [name for name, id_ in gone.items() if held.get(name, id_) == id_]


def _floor(row: Any, serials: Mapping[str, int | None]) -> int:
    floor: int = row.serial_floor
    for serial in serials.values():
        floor = later(floor, serial or 0)
    return floor


def _keep_floors(floors: Mapping[Any, int]) -> None:
    table = table_of(Zone)
    rows = [{"key": id_, "floor": floor} for id_, floor in sorted(floors.items())]
    if rows:
        with unit_of_work():
            execute_many(
                update(table)
                .where(table.c.id == bindparam("key"))
                .values(serial_floor=bindparam("floor"), updated_at=table.c.updated_at),
                rows,
            )


def _with_floor(one: W, floor: int) -> W:
    return cast("W", replace(cast("Any", one), item=replace(one.item, serial_floor=floor)))
