"""Zones on their way to their name servers and back: what is sent, seen, told and tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, update

from panel.dns import actions
from panel.dns.actions import NewZone, Wanted
from panel.dns.looking import DnsLooker
from panel.dns.models import Zone
from panel.engine.conditions import conditions
from panel.engine.sight import NodeLooker
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from provisioning import resources
from provisioning.resources import from_wire
from tests.dns.fakes import FakeServers
from tests.dns.worlds import ZONE, a, job_of, zone_of
from tests.engine.workers import Engine
from tests.worlds import World


@dataclass
class Dns:
    """A worker at the primary in memory."""

    engine: Engine
    servers: FakeServers

    def ring(self) -> None:
        self.engine.ring()

    def sent(self) -> list[dict[str, Any]]:
        """The items of the newest batch."""
        items: list[dict[str, Any]] = [one for one in self.engine.agent.requests if one["op"] == "apply"][-1]["items"]
        return items


@pytest.fixture
def dns(world: World) -> Dns:
    engine = Engine(world)
    engine.agent.protocol = 5
    primary = db.session.scalars(select(Node).where(Node.name == "ns1")).one()
    engine.node_id = primary.id
    servers = FakeServers(engine.agent)
    engine.look_with(NodeLooker({"zone": DnsLooker(primary, look=servers.look)}))
    return Dns(engine, servers)


def test_a_zone_is_active_once_all_servers_answer_what_changed(world: World, dns: Dns) -> None:
    zone = zone_of(world.koscian, ZONE, a("www", "192.0.2.80")).zone
    dns.ring()
    (item,) = dns.sent()
    sent = from_wire(item)
    assert isinstance(sent, resources.Zone)
    assert sent.content == zone.digest, "what stands in the row is what both ends compare by"
    db.session.refresh(zone)
    assert (zone.state, zone.seen_how, zone.seen_version, zone.serial) == ("active", "answered", 1, 1)
    assert zone.answers == {"ns1": 1, "ns2": 1}
    assert {one.name for one in dns.servers.asked[-1][ZONE].sets} == {"@", "www"}
    changed = actions.change_zone(
        SYSTEM, zone_id=zone.id, changes=[a("ftp", "192.0.2.81"), Wanted(name="www", type="A")], accept_warnings=True
    )
    dns.ring()
    asked = dns.servers.asked[-1][ZONE]
    assert ([one.name for one in asked.sets], asked.gone) == (["ftp"], (("www", "A"),)), "exactly what changed"
    db.session.refresh(zone)
    assert (zone.state, zone.seen_version) == ("active", 2)
    assert db.session.get_one(Job, job_of(changed).id, populate_existing=True).state == "done"
    told = db.session.scalars(select(Event.tag).where(Event.resource_id == zone.id).order_by(Event.id)).all()
    assert told[:3] == ["dns:zone:create", "engine:zone:applied", "engine:zone:seen"]


@pytest.mark.one_database
def test_a_secondary_that_is_down_is_named_and_the_zone_active_when_it_is_back(world: World, dns: Dns) -> None:
    zone = zone_of(world.koscian).zone
    dns.servers.down = {"ns2"}
    dns.ring()
    db.session.refresh(zone)
    assert (zone.state, zone.problem_code, zone.problem_message) == (
        "failed",
        "not_seen_secondary_behind",
        "ns2: no answer in time",
    )
    assert (zone.applied_generation, zone.seen_version) == (1, 0)
    dns.servers.down = set()
    _let_it_be_tried_again(zone)
    dns.ring()
    db.session.refresh(zone)
    assert (zone.state, zone.problem_code) == ("active", None)


@pytest.mark.one_database
def test_a_secondary_that_falls_silent_is_an_alarm_and_no_fault_of_each_zone(world: World, dns: Dns) -> None:
    zone = zone_of(world.koscian).zone
    dns.ring()
    dns.servers.down = {"ns2"}
    for silent, codes in (("ns2", ["secondary_silent"]), ("", [])):
        with unit_of_work():
            db.session.execute(update(Zone).values(look_at=database_now(-1)))
            db.session.execute(update(Node).values(looks_at=None))
        dns.ring()
        db.session.refresh(zone)
        assert (zone.state, zone.silent) == ("active", silent)
        assert [one.code for one in conditions() if one.code == "secondary_silent"] == codes
        dns.servers.down = set()


def test_a_zone_is_gone_when_no_server_answers_it_and_comes_back_with_its_serial(world: World, dns: Dns) -> None:
    zone = zone_of(world.koscian).zone
    dns.ring()
    actions.remove_zone(SYSTEM, zone_id=zone.id)
    dns.ring()
    db.session.refresh(zone)
    assert (zone.state, zone.seen_how, zone.serial) == ("removed", "absent", 1)
    actions.purge_zone(SYSTEM, zone_id=zone.id)
    again = zone_of(world.koscian).zone
    dns.ring()
    assert [(one["do"], one["kind"]) for one in dns.sent()] == [("put", "zone"), ("purge", "zone")]
    db.session.refresh(again)
    db.session.refresh(zone)
    assert (again.state, zone.state, again.serial_floor) == ("active", "removed", 1)


@pytest.mark.one_database
def test_what_servers_answer_already_is_no_later_than_what_they_will_get(world: World, dns: Dns) -> None:
    dns.servers.elsewhere = {ZONE: 2_026_112_301}
    zone = zone_of(world.koscian).zone
    dns.ring()
    assert dns.sent()[0]["serial_floor"] == 2_026_112_301
    db.session.refresh(zone)
    assert zone.serial_floor == 2_026_112_301
    actions.put_set(SYSTEM, zone_id=zone.id, name="www", type="A", values=["192.0.2.1"])
    dns.ring()
    assert [set(asks) for asks in dns.servers.once] == [{ZONE}], "once the node has had it, the node knows"


@pytest.mark.one_database
def test_an_unproven_name_is_not_sent_before_somebody_vouches(world: World, dns: Dns) -> None:
    changed = actions.create_zone(world.member_admin(world.koscian), member_id=world.koscian.id, name="obcy.pl")
    assert (changed.job, changed.zone.problem_code) == (None, "unproven")
    actions.put_set(SYSTEM, zone_id=changed.zone.id, name="www", type="A", values=["192.0.2.1"])
    dns.ring()
    assert not [one for one in dns.engine.agent.requests if one["op"] == "apply"]
    with unit_of_work():
        changed.zone.hold("")
    dns.ring()
    assert [one["name"] for one in dns.sent()] == ["obcy.pl"]


def test_many_zones_go_in_portions_and_one_bad_row_stops_none(world: World, dns: Dns) -> None:
    zones = [
        NewZone(member_id=world.koscian.id, name=f"z{n}.koscian.pl", sets=[a("@", "192.0.2.1")]) for n in range(60)
    ]
    made = actions.create_zones(SYSTEM, zones=zones, accept_warnings=True)
    bad = made[3].zone
    with unit_of_work():
        db.session.execute(update(Zone).where(Zone.id == bad.id).values(soa_mname="no dot"))
    dns.ring()
    states = dict(db.session.execute(select(Zone.name, Zone.state)).all())
    assert states.pop(bad.name) == "failed"
    assert set(states.values()) == {"active"}
    assert db.session.get_one(Zone, bad.id).problem_code == "bad_value"


def _let_it_be_tried_again(zone: Zone) -> None:
    with unit_of_work():
        db.session.execute(update(Zone).where(Zone.id == zone.id).values(retry_at=database_now(-1)))
