"""Versions: what each held, what differs, going back; and sets that something keeps."""

from __future__ import annotations

import random

import pytest

from panel.dns import actions
from panel.dns.actions import Wanted
from panel.dns.holding import kept_sets, zone_content
from panel.dns.models import Zone
from panel.dns.serials import is_at_least, later
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, NotFound
from tests.dns.worlds import ZONE, a, version_of, zone_of
from tests.worlds import World


@pytest.mark.one_database
def test_every_version_can_be_seen_compared_and_put_back(world: World) -> None:
    zone = zone_of(world.koscian, ZONE, a("www", "192.0.2.80")).zone
    random_ = random.Random(6)  # noqa: S311 - the same each time
    contents = [zone_content(zone)]
    while len(contents) < 12:
        name, values = random_.choice(["www", "ftp", "a.b"]), random_.sample(["192.0.2.1", "192.0.2.2"], 1)
        changed = actions.change_zone(
            SYSTEM, zone_id=zone.id, changes=[a(name, *values if random_.random() < 0.7 else ())], accept_warnings=True
        )
        if changed.version is not None:
            contents.append(zone_content(zone))
        if len(contents) == 6 and zone.soa_refresh == 3_600:
            actions.set_soa(SYSTEM, zone_id=zone.id, refresh=7_200)
            contents.append(zone_content(zone))
    assert [actions.content_at(zone, number) for number in range(1, zone.version + 1)] == contents
    compared = actions.compare_versions(SYSTEM, zone.id, old=1, new=zone.version)
    assert compared.soa is not None
    back = actions.revert_zone(SYSTEM, zone_id=zone.id, number=1, accept_warnings=True)
    assert (version_of(back).number, zone_content(zone)) == (13, contents[0])
    assert actions.content_at(zone, 12) == contents[-1]
    assert actions.revert_zone(SYSTEM, zone_id=zone.id, number=1).version is None
    numbers = [one.number for one in db.session.scalars(actions.zone_versions(SYSTEM, zone.id).limit(2))]
    assert numbers == [13, 12]
    for number in (0, 99):
        with pytest.raises(NotFound):
            actions.revert_zone(SYSTEM, zone_id=zone.id, number=number)


@pytest.mark.one_database
def test_errors_stop_a_change_warnings_ask_and_what_was_there_before_does_neither(world: World) -> None:
    zone = zone_of(world.koscian, ZONE, a("www", "192.0.2.80")).zone
    cname = Wanted(name="www", type="CNAME", values=["elsewhere.example."])
    with pytest.raises(Invalid, match="zone_lint") as error:
        actions.change_zone(SYSTEM, zone_id=zone.id, changes=[cname])
    assert error.value.params["remarks"]
    private = a("inside", "10.0.0.1")
    with pytest.raises(Conflict, match="zone_warnings"):
        actions.change_zone(SYSTEM, zone_id=zone.id, changes=[private])
    assert zone.version == 1
    changed = actions.change_zone(SYSTEM, zone_id=zone.id, changes=[private], accept_warnings=True)
    assert any(one.level == "warning" for one in changed.remarks)
    later_change = actions.change_zone(SYSTEM, zone_id=zone.id, changes=[a("ftp", "192.0.2.9")])
    assert version_of(later_change).number == 3, "nobody is asked again about what was accepted"


@pytest.mark.one_database
def test_what_a_source_keeps_is_replaced_and_what_people_put_there_stays(world: World) -> None:
    zone = zone_of(world.koscian, ZONE, a("own", "192.0.2.1")).zone
    offers = [a("own", "192.0.2.7"), a("mail", "192.0.2.25"), a("imap", "192.0.2.25")]
    actions.keep_sets(SYSTEM, zone_id=zone.id, source="mail:1", sets=offers)
    assert _values(zone) == {"own": "192.0.2.1", "mail": "192.0.2.25", "imap": "192.0.2.25"}
    actions.put_set(SYSTEM, zone_id=zone.id, name="mail", type="A", values=["192.0.2.99"])
    actions.delete_set(SYSTEM, zone_id=zone.id, name="imap", type="A")
    assert {key[0]: kept.overridden for key, kept in kept_sets(zone.id).items()} == {"mail": True, "imap": True}
    offers = [a("mail", "192.0.2.26"), a("imap", "192.0.2.26"), a("smtp", "192.0.2.26")]
    actions.keep_sets(SYSTEM, zone_id=zone.id, source="mail:1", sets=offers)
    assert _values(zone) == {"own": "192.0.2.1", "mail": "192.0.2.99", "smtp": "192.0.2.26"}
    actions.keep_sets(SYSTEM, zone_id=zone.id, source="mail:1", sets=offers, retake=[("mail", "A"), ("imap", "A")])
    assert _values(zone)["mail"] == _values(zone)["imap"] == "192.0.2.26"
    assert not any(kept.overridden for kept in kept_sets(zone.id).values())
    actions.keep_sets(SYSTEM, zone_id=zone.id, source="mail:1", sets=[])
    assert (_values(zone), kept_sets(zone.id)) == ({"own": "192.0.2.1"}, {})


@pytest.mark.parametrize(
    ("one", "other", "latest"),
    [(5, 3, 5), (2**32 - 1, 3, 3), (0, 7, 7), (2**31 + 7, 7, 2**31 + 7), (1_795_000_000, 2_026_112_301, 2_026_112_301)],
)
def test_the_later_of_two_serials_is_that_of_rfc_1982(one: int, other: int, latest: int) -> None:
    assert later(one, other) == later(other, one) == latest
    assert is_at_least(latest, latest)


def _values(zone: Zone) -> dict[str, str]:
    return {one.name: one.values[0] for one in zone_content(zone).sets if one.type == "A"}
