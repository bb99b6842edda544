"""Zones on real name servers: made, signed, answered by both, changed, put back, removed, made again."""

from __future__ import annotations

from functools import partial

from panel.dns import actions
from panel.dns.serials import is_at_least
from panel.dns.signing import facts_due, keep_facts
from panel.engine.comparing import compare
from panel.engine.facts import facts_asker
from panel.kernel.access import SYSTEM
from panel.kinds import KINDS
from provisioning.probes.dns import Ask
from tests.dns.worlds import a
from tests.fleet.zones import Walk, read_anew, serial_of

ZONE = "koscian.example"


def test_a_zone_lives_on_both_name_servers(walk: Walk) -> None:
    make = partial(actions.create_zone, SYSTEM, member_id=walk.world.koscian.id, name=ZONE, accept_warnings=True)
    zone = walk.settle(make(sets=[a("www", "192.0.2.80")]).zone, "active")
    assert (zone.seen_how, zone.seen_version, set(zone.answers)) == ("answered", 1, {"ns1", "ns2"})
    first = serial_of(zone)

    actions.change_zone(SYSTEM, zone_id=zone.id, changes=[a("www"), a("ftp", "192.0.2.81", ttl=600)])
    walk.settle(zone, "active")
    assert is_at_least(serial_of(zone), first)
    assert zone.serial != first
    actions.revert_zone(SYSTEM, zone_id=zone.id, number=1)
    walk.settle(zone, "active")
    assert walk.answers(Ask(ZONE, gone=(("ftp", "A"),), signed=True))

    facts_asker(walk.exchange, role="dns_primary", op="zones", due=facts_due, keep=keep_facts)(SYSTEM)
    read_anew()
    assert zone.ds
    assert zone.ds[0].split()[1] == "13", "ECDSA P-256"
    assert zone.signatures_until is not None
    seen = compare(walk.primary.id, KINDS, partial(walk.exchange.ask, walk.primary))
    assert [one for one in seen.found if one.kind == "zone"] == []

    actions.remove_zone(SYSTEM, zone_id=zone.id)
    walk.settle(zone, "removed")
    last = serial_of(zone)
    actions.purge_zone(SYSTEM, zone_id=zone.id)
    again = walk.settle(make(dnssec=False).zone, "active")
    assert again.id != zone.id
    assert is_at_least(serial_of(again), last), "secondaries elsewhere must take the new one"
    assert again.serial != last
