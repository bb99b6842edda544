"""Zones while name servers break: what is missing is named meanwhile, and nothing of it is left when they are well."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from panel.backups.finishing import RESTORED, finish
from panel.dns import actions, looking
from panel.dns.actions import NewZone, create_zones
from panel.dns.models import Zone
from panel.dns.serials import is_at_least
from panel.engine.repair import overwrite
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kinds import KINDS
from panel.ledger.closings import close
from panel.ledger.differences import Difference
from panel.ledger.nodes import Node
from provisioning.probes.dns import Ask, look
from provisioning.record_sets import RecordSet
from tests.fleet.zones import Walk, read_anew, serial_of

BIND = "/usr/bin/install -d -o root -g bind -m 0775 /run/named; /usr/sbin/named -u bind"
KNOT = "/usr/bin/install -d -o knot -g knot -m 0750 /run/knot; /usr/sbin/knotd -d"
KILLED_AMID = """
cd /var/lib/cis/zones; had=$(ls | wc -l)
for step in $(seq 3000); do [ $(ls | wc -l) -gt $((had + 2)) ] && break; sleep 0.01; done
pkill -KILL -x knotd; sleep 0.1; {{ {KNOT}; }} >/dev/null 2>&1 </dev/null
"""
BLOCKED = """
table inet cis-fault {
    chain in { type filter hook input priority -5; tcp dport 53 ip saddr SECONDARY drop; }
    chain out { type filter hook output priority -5; tcp dport 53 ip daddr SECONDARY drop; }
}
"""


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOK_SECONDS", 1.0)


def test_a_secondary_that_is_down_is_named_and_catches_up(walk: Walk) -> None:
    zone = _unsigned(walk, "smigiel.example")
    with _secondary_down(walk):
        new = _make(walk, "czempin.example")
        _changed_in_vain(walk, zone)
    walk.settle(zone, "active")
    walk.settle(new, "active")
    _gone(walk, zone, new)


def test_a_transfer_that_is_blocked_is_told_and_goes_on_when_it_may(walk: Walk) -> None:
    zone = _unsigned(walk, "krzywin.example")
    with _transfers_blocked(walk):
        serial = zone.serial
        _changed_in_vain(walk, zone)
        assert f"serial {serial}, the primary has" in (zone.problem_message or "")
    walk.settle(zone, "active")
    _gone(walk, zone)


def test_a_primary_killed_amid_a_batch_serves_all_of_it_in_the_end(walk: Walk) -> None:
    names = [f"w{number:02}.gostyn.example" for number in range(25)]
    zones = [NewZone(member_id=walk.world.koscian.id, name=name, dnssec=False, reason="a test") for name in names]
    with ThreadPoolExecutor(1) as beside:
        dying = beside.submit(walk.servers.on, walk.servers.primary, "sh", "-c", KILLED_AMID.format(KNOT=KNOT))
        ids = [one.zone.id for one in create_zones(SYSTEM, zones=zones, accept_warnings=True)]
        walk.work()
        dying.result()
    made = [db.session.get_one(Zone, id_) for id_ in ids]
    for zone in made:
        walk.settle(zone, "active")
    seen = look(walk.servers.servers, [Ask(name) for name in names], until=0.0)
    assert all(one.ok for one in seen.values())
    _gone(walk, *made)


def test_yesterdays_panel_takes_no_serial_back_and_asks_about_what_is_newer(walk: Walk) -> None:
    zone = walk.settle(actions.put_set(SYSTEM, zone_id=_unsigned(walk, "rawicz.example").id, name="www", type="A",
                                       values=["192.0.2.1"]).zone, "active")  # fmt: skip
    with _forgotten(walk):
        actions.put_set(SYSTEM, zone_id=zone.id, name="www", type="A", values=["192.0.2.2"])
        last = serial_of(walk.settle(zone, "active"))
    read_anew()
    (done,) = [one for one in finish(SYSTEM, KINDS, partial(_asker, walk)) if one.node == "ns1"]
    assert (done.problem, done.differences["different"]) == (None, 1), "other tests may have left zones of theirs"
    walk.work()
    assert walk.answers(Ask(zone.name, (_www("192.0.2.2"),))), "nothing newer is overwritten unasked"
    (difference,) = db.session.scalars(select(Difference).where(Difference.resource_id == zone.id))
    assert difference.differs == ["www A"]
    overwrite(SYSTEM, difference.id)
    walk.settle(zone, "active")
    assert walk.answers(Ask(zone.name, (_www("192.0.2.1"),)))
    assert serial_of(zone) != last
    assert is_at_least(serial_of(zone), last)
    _gone(walk, zone)


def _make(walk: Walk, name: str) -> Zone:
    make = partial(actions.create_zone, SYSTEM, member_id=walk.world.koscian.id, dnssec=False, accept_warnings=True)
    return make(name=name).zone


def _unsigned(walk: Walk, name: str) -> Zone:
    return walk.settle(_make(walk, name), "active")


def _changed_in_vain(walk: Walk, zone: Zone) -> None:
    actions.put_set(SYSTEM, zone_id=zone.id, name="www", type="A", values=["192.0.2.1"])
    walk.work()
    assert (zone.state, zone.problem_code) == ("failed", "not_seen_secondary_behind")
    assert "ns2" in (zone.problem_message or "")


def _gone(walk: Walk, *zones: Zone) -> None:
    for zone in zones:
        actions.remove_zone(SYSTEM, zone_id=zone.id)
    for zone in zones:
        walk.settle(zone, "removed")


def _www(address: str) -> RecordSet:
    return RecordSet("www", "A", 3600, (address,))


def _asker(walk: Walk, node: Node) -> Callable[..., Any]:
    return partial(walk.exchange.ask, node)


@contextmanager
def _forgotten(walk: Walk) -> Iterator[None]:
    """What the database learns meanwhile is gone afterwards, as after a restore; its engine is closed then."""
    path = Path(db.engine.url.database or "")
    db.session.commit()
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(path.with_suffix(".kept"))) as kept:
        now.backup(kept)
    yield
    db.session.rollback()
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(path.with_suffix(".kept"))) as kept:
        kept.backup(now)
    with unit_of_work():
        close(RESTORED, node_id=walk.primary.id)


@contextmanager
def _secondary_down(walk: Walk) -> Iterator[None]:
    """BIND is not there meanwhile."""
    walk.servers.on(
        walk.servers.secondary, "sh", "-c", "rndc stop; while pgrep -x named >/dev/null; do sleep 0.02; done"
    )
    try:
        yield
    finally:
        walk.servers.on(walk.servers.secondary, "sh", "-c", f"{{ {BIND}; }} >/dev/null 2>&1 </dev/null")


@contextmanager
def _transfers_blocked(walk: Walk) -> Iterator[None]:
    """Something between the servers lets no TCP through; what is asked from elsewhere is answered."""
    servers = walk.servers
    rules = BLOCKED.replace("SECONDARY", servers.secondary.state.address)
    servers.on(servers.primary, "nft", "-f", "-", stdin=rules.encode())
    try:
        yield
    finally:
        servers.on(servers.primary, "nft", "delete", "table", "inet", "cis-fault")
