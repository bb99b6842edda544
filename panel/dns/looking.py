"""Looking at zones from outside: what primary and secondaries answer, which is what counts.

Of a change exactly the changed sets are asked for, of the primary and of every secondary, and each secondary must have
come to the primary's serial. In bulk a sample of the zones is looked at like that, of the others the serials alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import ColumnElement, and_, bindparam, update

from panel.dns.asks import ask_of, changed_keys
from panel.dns.models import ZONES, Zone
from panel.dns.serials import later
from panel.dns.servers import secondaries
from panel.kernel.bulk import execute_many
from panel.kernel.db import table_of, unit_of_work
from panel.ledger import names
from panel.ledger.nodes import Node
from provisioning.probes import dns
from provisioning.probes.dns import Ask, Server, ZoneSeen
from provisioning.probes.findings import Finding, NotSeen, Seen

SETS_AT_ONCE = 2_000
"""How many sets are asked for in one look; of what is more, a sample."""
LOOK_SECONDS, SECONDS_EACH, SILENT_SECONDS = 8.0, 0.02, 1.5
"""How long all servers may take to come to the same, and how long one that was silent a moment ago is waited for."""
SILENCE_SECONDS = 120.0
_BEHIND = "not_seen_secondary_behind"

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


Look = Callable[..., Mapping[str, ZoneSeen]]
"""As ``provisioning.probes.dns.look``."""


class DnsLooker:
    """Looks at the zones of one primary, there and on all secondaries. Not thread-safe."""

    def __init__(self, node: Node, *, look: Look = dns.look) -> None:
        self._primary = Server(node.name, node.address)
        self._look = look
        self._silent: dict[str, float] = {}

    def ready(self, wanted: Sequence[W]) -> Sequence[W]:
        """Have what the node never had go on from the serials that servers answer for it already."""
        new = [one for one in wanted if one.row.want == "put" and one.row.applied_generation == 0]
        if not new:
            return wanted
        asks = [Ask(zone=one.row.name, present=False) for one in new]
        found = self._look(self._servers(), asks, until=0.0)  # once: what is not answered now is not waited for
        floors = {one.row.id: _floor(one.row, found[one.row.name].by_server) for one in new}
        raised = {one.row.id: floors[one.row.id] for one in new if floors[one.row.id] != one.row.serial_floor}
        _keep_floors(raised)
        return [_with_floor(one, raised[one.row.id]) if one.row.id in raised else one for one in wanted]

    def prepare(self, wanted: Sequence[W], *, deep: int = 20) -> DnsLook:
        """Choose which zones are looked at set by set; a node needs to know nothing of it."""
        zones = [one for one in wanted if one.row.want == "put"]
        changed = changed_keys([one.row for one in zones])
        asks = _sampled([ask_of(one.item, changed[one.row.id]) for one in zones], deep)
        gone = [Ask(zone=name, present=False) for name in _removed(wanted)]
        missed = [one.row.name for one in zones if one.row.problem_code == _BEHIND]
        return DnsLook(self, {ask.zone: ask for ask in (*gone, *asks)}, missed)

    def look(self, asks: Sequence[Ask]) -> Mapping[str, ZoneSeen]:
        """What all servers answer of these zones."""
        found = self._look(self._servers(), asks, until=self._until(len(asks))) if asks else {}
        self._remember(found)
        return found

    def close(self) -> None:
        """Nothing is kept open: questions go by datagrams."""

    def _servers(self) -> list[Server]:
        return [self._primary, *(Server(node.name, node.address) for node in secondaries())]

    def _until(self, zones: int) -> float:
        now = time.monotonic()
        is_silent = any(now - at < SILENCE_SECONDS for at in self._silent.values())
        return now + (SILENT_SECONDS if is_silent else LOOK_SECONDS) + SECONDS_EACH * zones

    def _remember(self, found: Mapping[str, ZoneSeen]) -> None:
        """Note which servers were silent about everything, so that the next look does not wait as long for them."""
        heard: dict[str, bool] = {}
        for answer in found.values():
            for name, serial in answer.by_server.items():
                heard[name] = heard.get(name, False) or serial is not None
        now = time.monotonic()
        self._silent = {name: now for name, is_heard in heard.items() if not is_heard}


class DnsLook:
    """A look at one batch. ``missed``: zones of which the primary shall tell secondaries again before it."""

    def __init__(self, looker: DnsLooker, asks: Mapping[str, Ask], missed: Sequence[str] = ()) -> None:
        self._looker, self._asks = looker, asks
        self.watch: Mapping[str, Any] | None = {"announce": list(missed)} if missed else None

    def see(self, applied: Sequence[Row]) -> dict[Key, Finding]:
        """Look at each zone that the node confirmed, there or gone."""
        asks = {one.key: ask for one in applied if (ask := self._asks.get(one.row.name)) and _is_meant(one, ask)}
        found = self._looker.look(list(asks.values()))
        return {
            one.key: _finding(one.row, asks[one.key], found[one.row.name]) if one.key in asks else Seen("absent")
            for one in applied
        }


def _is_meant(one: Row, ask: Ask) -> bool:
    """Whether the question is about this zone, and not about one that has the name of a removed one by now."""
    return bool(ask.present == (one.row.want == "put"))


def told(row: Any, finding: Seen) -> Mapping[str, Any]:
    """The columns of a zone that are written with what was seen."""
    answers = finding.told.get("answers", {})
    if finding.how == "absent":
        return {"serial": row.serial, "seen_version": row.seen_version, "answers": {}, "silent": ""}
    return {
        "serial": finding.told.get("serial", row.serial),
        "seen_version": row.version,
        "answers": dict(answers),
        "silent": next((name for name, serial in answers.items() if serial is None), ""),
    }


def secondary_silent() -> ColumnElement[bool]:
    """SQL: a secondary did not answer the zone when it was looked at last, and nothing else is wrong with it."""
    return and_(Zone.silent != "", Zone.want == "put", Zone.problem_code.is_(None))


def _finding(row: Any, ask: Ask, seen: ZoneSeen) -> Finding:
    # A primary that answers stands for its node; a secondary that is silent is behind where something changed, and else
    # a matter of its own, told once for all zones.
    is_silent = seen.code == "unreachable" and seen.serial is not None
    is_settled = row.want == "put" and row.seen_generation == row.wanted_generation
    if not seen.ok and not (is_silent and is_settled):
        return NotSeen("secondary_behind" if is_silent else seen.code or "protocol", seen.words)
    if not ask.present:
        return Seen("absent")
    told = {"serial": seen.serial, "answers": seen.by_server}
    return Seen("answered" if ask.sets or ask.gone else "serial", told=told)


def _sampled(asks: Sequence[Ask], deep: int) -> list[Ask]:
    """All of it where it is little; else set by set for a sample spread over the batch, and serials for the rest."""
    if sum(len(one.sets) + len(one.gone) for one in asks) <= SETS_AT_ONCE:
        return list(asks)
    step = max(1, len(asks) // max(1, deep))
    return [one if place % step == 0 else replace(one, sets=(), gone=()) for place, one in enumerate(asks)]


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
