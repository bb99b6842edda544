"""What can be done with zones, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from panel.dns import actions
from panel.dns.actions import NewZone, Wanted
from panel.dns.models import Zone, ZoneSet, ZoneVersion
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit
from panel.ledger import usage
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from tests.dns.worlds import ZONE, a, job_of, version_of, zone_of
from tests.worlds import World, actor, grant


def test_a_zone_is_made_with_its_name_servers_version_event_job_and_use(world: World) -> None:
    changed = zone_of(world.koscian, ZONE, a("mail", "192.0.2.80"), Wanted(name="@", type="mx", values=["10 mail"]))
    zone = changed.zone
    assert (zone.version, zone.state, zone.node_id, zone.dnssec) == (1, "pending", job_of(changed).node_id, True)
    content = actions.zone_content(zone)
    assert [(one.name, one.type, one.values) for one in content.sets] == [
        ("@", "MX", ("10 mail.koscian.pl.",)),
        ("@", "NS", ("ns1.wokiss.pl.", "ns2.wokiss.pl.")),
        ("mail", "A", ("192.0.2.80",)),
    ]
    assert usage.used(world.koscian.id)["zones"] == 1
    assert db.session.scalar(select(Event.tag).where(Event.resource_id == zone.id)) == "dns:zone:create"
    assert db.session.scalar(select(Job.cause).where(Job.resource_id == zone.id)) == "dns:zone:create"
    assert world.rings[-1] == zone.node_id
    with pytest.raises(Conflict, match="taken"):
        zone_of(world.koscian)


def test_a_batch_is_all_or_none_and_its_errors_name_the_row(world: World) -> None:
    good = [NewZone(member_id=world.koscian.id, name=f"z{n}.koscian.pl", sets=[a("@", "192.0.2.1")]) for n in range(3)]
    bad = NewZone(member_id=world.koscian.id, name="z9.koscian.pl", sets=[a("@", "192.0.2.1"), a("x", "192.0.2.300")])
    with pytest.raises(Invalid) as caught:
        actions.create_zones(SYSTEM, zones=[*good, bad])
    assert (caught.value.params["zone_row"], caught.value.params["row"]) == (3, 1)
    assert db.session.scalar(select(func.count(Zone.id))) == 0
    made = actions.create_zones(SYSTEM, zones=good, accept_warnings=True)
    assert len({job_of(one).id for one in made}) == 1
    assert job_of(made[0]).resource_id is None
    assert usage.used(world.koscian.id)["zones"] == 3
    assert db.session.scalar(select(func.count()).select_from(ZoneVersion)) == 3
    assert db.session.scalar(select(func.count()).select_from(ZoneSet)) == 6


def test_changes_are_versions_and_what_changes_nothing_is_none(world: World) -> None:
    zone = zone_of(world.koscian, ZONE, a("www", "192.0.2.80", ttl=600)).zone
    changed = actions.change_zone(
        SYSTEM, zone_id=zone.id, changes=[a("www", "192.0.2.81", "192.0.2.80"), a("ftp", "192.0.2.82")], comment="Two"
    )
    assert (version_of(changed).number, version_of(changed).comment, zone.wanted_generation) == (2, "Two", 2)
    same = actions.put_set(SYSTEM, zone_id=zone.id, name="WWW", type="a", values=["192.0.2.80", "192.0.2.81"])
    assert (same.version, same.job, zone.version) == (None, None, 2)
    www = next(one for one in actions.zone_content(zone).sets if one.name == "www")
    assert (www.ttl, www.values) == (600, ("192.0.2.80", "192.0.2.81"))
    gone = actions.delete_set(SYSTEM, zone_id=zone.id, name="ftp", type="A")
    assert version_of(gone).changes == [["ftp", "A", [3600, ["192.0.2.82"]], None]]
    assert actions.delete_set(SYSTEM, zone_id=zone.id, name="ftp", type="A").version is None
    with pytest.raises(Invalid, match="set_twice"):
        actions.change_zone(SYSTEM, zone_id=zone.id, changes=[a("x", "192.0.2.1"), a("X", "192.0.2.2")])


@pytest.mark.one_database
def test_the_second_of_two_people_sees_that_the_first_was_there(world: World) -> None:
    zone = zone_of(world.koscian).zone
    actions.change_zone(SYSTEM, zone_id=zone.id, changes=[a("one", "192.0.2.1")], expected_version=1)
    with pytest.raises(Conflict, match="stale"):
        actions.change_zone(SYSTEM, zone_id=zone.id, changes=[a("two", "192.0.2.2")], expected_version=1)
    with pytest.raises(Conflict, match="stale"):
        actions.remove_zone(SYSTEM, zone_id=zone.id, expected_version=1)
    assert zone.version == 2


@pytest.mark.one_database
def test_who_may_do_what(world: World) -> None:
    zone = zone_of(world.koscian).zone
    own, other = world.member_admin(world.koscian), world.member_admin(world.smigiel)
    assert version_of(actions.change_zone(own, zone_id=zone.id, changes=[a("x", "192.0.2.1")])).number == 2
    assert actions.get_zone(actor("member_editor", world.koscian), zone.id) == zone
    acts: list[Callable[[Actor], object]] = [
        lambda who: actions.change_zone(who, zone_id=zone.id, changes=[a("x", "192.0.2.2")]),
        lambda who: actions.revert_zone(who, zone_id=zone.id, number=1),
        lambda who: actions.set_soa(who, zone_id=zone.id, refresh=7_200),
        lambda who: actions.set_dnssec(who, zone_id=zone.id, enabled=False),
        lambda who: actions.remove_zone(who, zone_id=zone.id),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act(other)
        with pytest.raises(NotAllowed):
            act(actor("member_editor", world.koscian))
    with pytest.raises(NotFound):
        actions.zone_versions(other, zone.id)
    with pytest.raises(NotAllowed):
        actions.purge_zone(own, zone_id=zone.id)
    with pytest.raises(OverLimit):
        zone_of(world.smigiel, "smigiel.pl")


def test_a_zone_goes_and_comes_back_and_goes_for_good(world: World) -> None:
    zone = zone_of(world.koscian).zone
    zone.serial = 4_000_000_000
    actions.remove_zone(SYSTEM, zone_id=zone.id)
    assert (zone.want, usage.used(world.koscian.id)["zones"]) == ("remove", 0)
    with pytest.raises(Conflict, match="removed"):
        actions.change_zone(SYSTEM, zone_id=zone.id, changes=[a("x", "192.0.2.1")])
    actions.restore_zone(SYSTEM, zone_id=zone.id)
    assert (zone.want, usage.used(world.koscian.id)["zones"]) == ("put", 1)
    actions.remove_zone(SYSTEM, zone_id=zone.id)
    actions.purge_zone(SYSTEM, zone_id=zone.id)
    again = zone_of(world.koscian).zone
    assert again.id != zone.id
    assert again.serial_floor == 4_000_000_000, "what was served before is never served with an earlier serial"


@pytest.mark.one_database
def test_without_a_primary_there_is_no_zone(world: World) -> None:
    for name in ("ns1", "mail1"):
        node = next(one for one in db.session.scalars(select(type(world.node))) if one.name == name)
        node.roles = ["mail"]
    db.session.commit()
    grant(world.smigiel, zones=1)
    with pytest.raises(Conflict, match="no_node"):
        zone_of(world.smigiel, "smigiel.pl")
