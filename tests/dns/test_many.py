"""One change of many zones: planned, confirmed, and each zone with a version of its own."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select, update

from panel.dns import actions
from panel.dns.actions import Wanted
from panel.dns.changing_many import change_zones
from panel.dns.choosing import Choice, Wish
from panel.dns.models import Zone, ZoneSet, ZoneVersion
from panel.dns.planning import plan_changes
from panel.dns.rewriting import Rewriting
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger import usage
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from tests.dns.worlds import a, zone_of
from tests.worlds import World, actor

OLD, NEW = "192.0.2.80", "192.0.2.81"
MOVE = Wish(action="replace", rewriting=Rewriting(type="A", old=OLD, new=NEW))
ALL = Choice(search="koscian")


def test_an_old_servers_address_gives_way_in_all_zones_that_have_it(world: World) -> None:
    first, second = zones_of(world, 2)
    other = zone_of(world.koscian, "z9.koscian.pl", a("@", "192.0.2.1")).zone
    kept(first, "ftp")
    plan = plan_changes(SYSTEM, MOVE, ALL)
    verdicts = {line.zone.name: (line.verdict, len(line.changes), line.left) for line in plan.lines}
    assert verdicts == {first.name: ("change", 1, 1), second.name: ("change", 2, 0), other.name: ("unchanged", 0, 0)}
    done = change_zones(SYSTEM, MOVE, ALL, comment="New web server", digest=plan.digest)
    assert (len(done.jobs), done.jobs[0].cause, done.jobs[0].resource_id) == (1, "dns:zone:change", None)
    assert values(first) == {"@": [NEW], "ftp": [OLD]}
    assert values(second) == {"@": [NEW], "ftp": [NEW]}
    (version,) = db.session.scalars(
        select(ZoneVersion).where(ZoneVersion.zone_id == second.id, ZoneVersion.number == 2)
    )
    assert version.comment == "New web server"
    assert version.changes == [["@", "A", [3600, [OLD]], [3600, [NEW]]], ["ftp", "A", [3600, [OLD]], [3600, [NEW]]]]
    assert (second.version, second.wanted_generation, second.digest) == (2, 2, version.digest)
    assert db.session.scalars(select(Event.resource_id).where(Event.tag == "dns:zone:change")).all() == [
        first.id, second.id,
    ]  # fmt: skip
    actions.revert_zone(SYSTEM, zone_id=second.id, number=1)
    assert values(second) == {"@": [OLD], "ftp": [OLD]}
    assert second.digest == db.session.scalar(select(ZoneVersion.digest).where(ZoneVersion.zone_id == second.id,
                                                                               ZoneVersion.number == 1))  # fmt: skip
    again = change_zones(SYSTEM, Wish(action="ttl", rewriting=Rewriting(ttl=600)), Choice(ids=[second.id]))
    assert {one.ttl for one in actions.zone_content(again.plan.lines[0].zone).sets} == {600}


@pytest.mark.one_database
def test_what_somebody_looked_at_is_done_or_nothing(world: World) -> None:
    first, second = zones_of(world, 2)
    seen = plan_changes(SYSTEM, MOVE, ALL).digest
    actions.put_set(SYSTEM, zone_id=first.id, name="x", type="A", values=["192.0.2.1"])
    with pytest.raises(Conflict, match="changes_other"):
        change_zones(SYSTEM, MOVE, ALL, digest=seen)
    assert values(second) == {"@": [OLD], "ftp": [OLD]}


@pytest.mark.one_database
def test_a_zone_that_would_be_wrong_stays_and_warnings_are_to_be_accepted(world: World) -> None:
    bad, doubtful = zones_of(world, 2)
    for zone in (bad, doubtful):
        wanted = [Wanted(name="@", type="MX", values=["10 mail"]), a("mail", "192.0.2.5"), a("post", "127.0.0.1")]
        actions.change_zone(SYSTEM, zone_id=zone.id, changes=wanted, accept_warnings=True)
    alias = Wanted(name="alias", type="CNAME", values=["mail"])
    actions.change_zone(SYSTEM, zone_id=bad.id, changes=[alias], accept_warnings=True)
    actions.put_set(SYSTEM, zone_id=doubtful.id, name="alias", type="A", values=["192.0.2.6"], accept_warnings=True)
    mx = Wish(action="replace", rewriting=Rewriting(type="MX", old="10 mail", new="10 alias"))
    plan = plan_changes(SYSTEM, mx, ALL)
    assert [(line.zone, line.error and line.error.code) for line in plan.of("refused")] == [(bad, "zone_lint")]
    assert plan.counts == {"refused": 1, "change": 1}
    private = Wish(action="replace", rewriting=Rewriting(type="A", old=OLD, new="10.0.0.1"))
    plan = plan_changes(SYSTEM, private, ALL)
    assert len(plan.doubtful) == 2
    with pytest.raises(Conflict, match="zone_warnings"):
        change_zones(SYSTEM, private, ALL, digest=plan.digest)
    assert change_zones(SYSTEM, private, ALL, digest=plan.digest, accept_warnings=True).plan.counts == {"change": 2}


def test_zones_go_and_come_back_and_are_signed_or_not_as_one_alone(world: World) -> None:
    first, second = zones_of(world, 2)
    everything = Choice(ids=[first.id, second.id])
    with unit_of_work():
        first.seen_generation = 1
    off = change_zones(SYSTEM, Wish(action="unsign"), everything)
    assert {line.zone.name: (line.zone.dnssec, line.zone.leaving) for line in off.plan.lines} == {
        first.name: (True, True), second.name: (False, False),
    }  # fmt: skip
    assert plan_changes(SYSTEM, Wish(action="unsign"), everything).counts == {"unchanged": 2}
    change_zones(SYSTEM, Wish(action="sign"), everything, comment="Signed again")
    assert {(zone.dnssec, zone.leaving, zone.version) for zone in (first, second)} == {(True, False, 3)}
    change_zones(SYSTEM, Wish(action="remove"), everything)
    assert (first.want, usage.used(world.koscian.id)["zones"]) == ("remove", 0)
    assert plan_changes(SYSTEM, MOVE, everything).counts == {"refused": 2}
    back = change_zones(SYSTEM, Wish(action="restore"), everything)
    assert (first.want, usage.used(world.koscian.id)["zones"], len(back.jobs)) == ("put", 2, 1)
    causes = db.session.scalars(select(Job.cause).order_by(Job.id.desc()).limit(3)).all()
    assert causes == ["dns:zone:restore", "dns:zone:remove", "dns:zone:dnssec"]


@pytest.mark.one_database
def test_only_zones_that_one_may_change_are_chosen(world: World) -> None:
    (zone,) = zones_of(world, 1)
    own, other = world.member_admin(world.koscian), world.member_admin(world.smigiel)
    with pytest.raises(NotFound):
        change_zones(other, MOVE, Choice(ids=[zone.id]))
    with pytest.raises(NotAllowed):
        change_zones(actor("member_editor", world.koscian), MOVE, Choice(ids=[zone.id]))
    with pytest.raises(Invalid, match="number_range"):
        change_zones(other, MOVE, ALL)
    assert change_zones(own, MOVE, ALL).plan.counts == {"change": 1}
    with pytest.raises(NotFound):
        change_zones(own, MOVE, Choice(ids=[uuid.uuid4()]))
    for rewriting, field in (
        (Rewriting(type="A", old="192.0.2.300", new=NEW), "old"),
        (Rewriting(type="A", old=OLD, new="x"), "new"),
        (Rewriting(type="A", old=OLD, new=OLD), "new"),
        (Rewriting(type="ANY", old=OLD, new=NEW), "type"),
        (Rewriting(old=OLD, new=NEW), "type"),
    ):
        with pytest.raises(Invalid) as caught:
            plan_changes(own, Wish(action="replace", rewriting=rewriting), ALL)
        assert caught.value.field == field, rewriting


def zones_of(world: World, count: int) -> list[Zone]:
    return [zone_of(world.koscian, f"z{n}.koscian.pl", a("@", OLD), a("ftp", OLD)).zone for n in range(count)]


def kept(zone: Zone, name: str) -> None:
    """Something keeps this set, and nobody overrode it."""
    with unit_of_work():
        here = (ZoneSet.zone_id == zone.id, ZoneSet.name == name)
        db.session.execute(update(ZoneSet).where(*here).values(source="mail:x"))


def values(zone: Zone) -> dict[str, list[str]]:
    """The addresses in the zone, by name, as the node would be told."""
    return {one.name: [*one.values] for one in actions.zone_content(zone).sets if one.type == "A"}
