"""Zones on real name servers: made, signed, answered by both, changed, put back, removed, made again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from panel.dns import actions, looking
from panel.dns.models import Zone
from panel.dns.serials import is_at_least
from panel.dns.signing import facts_due, keep_facts
from panel.engine.comparing import compare
from panel.engine.exchange import Exchange
from panel.engine.facts import facts_asker
from panel.engine.worker import Worker
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.kinds import KINDS
from panel.ledger.nodes import Node, record_enrolment
from panel.wiring import make_worker
from provisioning.probes.dns import Ask, look
from tests.dns.worlds import a
from tests.nodes import EnrolledNode, NameServers
from tests.worlds import World, grant, small_world

ZONE = "koscian.example"
SECONDS = 60.0


@dataclass
class Walk:
    """A panel at work on real name servers."""

    world: World
    servers: NameServers
    primary: Node
    worker: Worker
    exchange: Exchange

    def settle(self, zone: Zone, state: str) -> Zone:
        """Work until the zone is in ``state``; what failed for a moment is tried again at once."""
        until = time.monotonic() + SECONDS
        while True:
            with unit_of_work():
                db.session.execute(update(Zone).where(Zone.retry_at.is_not(None)).values(retry_at=database_now(-1)))
            self.worker.ring(self.primary.id)
            _forget()
            if zone.state == state:
                return zone
            assert time.monotonic() < until, (zone.state, zone.problem_code, zone.problem_message)
            time.sleep(0.05)


@pytest.fixture
def walk(name_servers: NameServers, tmp_path: Path) -> Iterator[Walk]:
    with small_world(tmp_path) as world:
        grant(world.koscian, zones=50)
        primary, _ = map(_record, (name_servers.primary, name_servers.secondary))
        exchange = Exchange(sessions=name_servers.primary.sessions)
        worker = make_worker(world.app, exchange)
        yield Walk(world, name_servers, primary, worker, exchange)
        worker.close()


def test_a_zone_lives_on_both_name_servers(walk: Walk) -> None:
    make = partial(actions.create_zone, SYSTEM, member_id=walk.world.koscian.id, name=ZONE, accept_warnings=True)
    zone = walk.settle(make(sets=[a("www", "192.0.2.80")]).zone, "active")
    assert (zone.seen_how, zone.seen_version, set(zone.answers)) == ("answered", 1, {"ns1", "ns2"})
    first = _serial(zone)

    actions.change_zone(SYSTEM, zone_id=zone.id, changes=[a("www"), a("ftp", "192.0.2.81", ttl=600)])
    walk.settle(zone, "active")
    assert is_at_least(_serial(zone), first)
    assert zone.serial != first
    actions.revert_zone(SYSTEM, zone_id=zone.id, number=1)
    walk.settle(zone, "active")
    assert _answers(walk, Ask(ZONE, gone=(("ftp", "A"),), signed=True))

    facts_asker(walk.exchange, role="dns_primary", op="zones", due=facts_due, keep=keep_facts)(SYSTEM)
    _forget()
    assert zone.ds
    assert zone.ds[0].split()[1] == "13", "ECDSA P-256"
    assert zone.signatures_until is not None
    seen = compare(walk.primary.id, KINDS, partial(walk.exchange.ask, walk.primary))
    assert [one for one in seen.found if one.kind == "zone"] == []

    actions.remove_zone(SYSTEM, zone_id=zone.id)
    walk.settle(zone, "removed")
    last = _serial(zone)
    actions.purge_zone(SYSTEM, zone_id=zone.id)
    again = walk.settle(make(dnssec=False).zone, "active")
    assert again.id != zone.id
    assert is_at_least(_serial(again), last), "secondaries elsewhere must take the new one"
    assert again.serial != last


def test_a_secondary_that_is_down_is_named_and_catches_up(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOK_SECONDS", 1.0)
    make = partial(actions.create_zone, SYSTEM, member_id=walk.world.koscian.id, dnssec=False, accept_warnings=True)
    zone = walk.settle(make(name="smigiel.example").zone, "active")
    _with_secondary_down(walk, lambda: _changed_without_it(walk, zone))
    walk.settle(zone, "active")
    actions.remove_zone(SYSTEM, zone_id=zone.id)
    walk.settle(zone, "removed")


def _changed_without_it(walk: Walk, zone: Zone) -> None:
    actions.put_set(SYSTEM, zone_id=zone.id, name="www", type="A", values=["192.0.2.1"])
    walk.worker.ring(walk.primary.id)
    _forget()
    assert (zone.state, zone.problem_code) == ("failed", "not_seen_secondary_behind")
    assert "ns2" in (zone.problem_message or "")


def _with_secondary_down(walk: Walk, do: Callable[[], None]) -> None:
    """BIND stands still meanwhile."""
    walk.servers.on(walk.servers.secondary, "pkill", "-STOP", "-x", "named")
    try:
        do()
    finally:
        walk.servers.on(walk.servers.secondary, "pkill", "-CONT", "-x", "named")


def _serial(zone: Zone) -> int:
    assert zone.serial is not None
    return zone.serial


def _forget() -> None:
    """Read anew from now on, what the worker wrote too."""
    db.session.rollback()
    db.session.expire_all()


def _answers(walk: Walk, ask: Ask) -> bool:
    return look(walk.servers.servers, [ask], until=0.0)[ask.zone].ok


def _record(node: EnrolledNode) -> Node:
    return record_enrolment(
        SYSTEM,
        name=node.state.name,
        address=node.state.address,
        ssh_port=node.state.ssh_port,
        hostname=node.state.hostname,
        roles=list(node.state.roles),
        host_key=f"{node.host_key.type} {node.host_key.base64}",
        fingerprint="SHA256:none",
        certificate="",
        agent_version=node.enrolled.agent_version,
        release="12",
        versions={},
        fence=node.session().request({"op": "hello"}, 15.0)["fence"],  # others had this host before
    )
