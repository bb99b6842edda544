"""Names of addresses: where they lie, and how they follow the addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.dns.actions import Wanted, change_zone, remove_zone, restore_zone, zone_content
from panel.dns.models import Zone
from panel.dns.pointing import keep_pointer, zone_pointers
from panel.dns.reverse import delegation, name_in, names_towards, network_of, pointer_name, zones_of
from panel.kernel.access import SYSTEM
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.dns.worlds import ZONE, a, zone_of
from tests.worlds import World, grant

REVERSE = "2.0.192.in-addr.arpa"


def test_zones_and_networks_say_the_same_both_ways() -> None:
    for network, zones in (
        ("192.0.2.0/24", [REVERSE]),
        ("10.0.0.0/8", ["10.in-addr.arpa"]),
        ("192.0.2.64/26", [f"64/26.{REVERSE}"]),
        ("192.0.2.0/23", [REVERSE, "3.0.192.in-addr.arpa"]),
        ("2001:db8::/32", ["8.b.d.0.1.0.0.2.ip6.arpa"]),
        ("2001:db8:8000::/33", [f"{one:x}.8.b.d.0.1.0.0.2.ip6.arpa" for one in range(8, 16)]),
    ):
        assert zones_of(network) == zones
        if len(zones) == 1:
            assert str(network_of(zones[0])) == network
    for name, network in ((f"0-127.{REVERSE}", "192.0.2.0/25"), (f"128-25.{REVERSE}", "192.0.2.128/25")):
        assert str(network_of(name)) == network
    for none in ("koscian.pl", "in-addr.arpa", f"3/25.{REVERSE}", "256.in-addr.arpa", "01.in-addr.arpa", "xy.ip6.arpa"):
        assert network_of(none) is None, none
    for bad in ("192.0.2.1/24", "0.0.0.0/0", "::/0", "x"):
        with pytest.raises(Invalid):
            zones_of(bad)
    half = f"0/30.{REVERSE}"
    assert [(one.name, one.type, one.values) for one in delegation(REVERSE, half, ["ns.koscian.pl."])] == [
        ("0", "CNAME", (f"0.{half}.",)),
        ("0/30", "NS", ("ns.koscian.pl.",)),
        *[(str(one), "CNAME", (f"{one}.{half}.",)) for one in (1, 2, 3)],
    ]


@given(st.ip_addresses())
def test_every_address_has_its_name_in_each_zone_around_it(address: object) -> None:
    name = pointer_name(str(address))
    labels = name.split(".")
    for start in range(1, len(labels) - 2):
        zone = ".".join(labels[start:])
        assert f"{name_in(zone, str(address))}.{zone}" == name
    for part in names_towards(str(address))[1:]:
        assert name_in(part, str(address)) == labels[0]


def test_a_name_follows_its_address_until_nobody_asks_for_it(world: World) -> None:
    zone = zone_of(world.koscian, ZONE, a("www", "192.0.2.80", "198.51.100.1"), a("*", "192.0.2.9")).zone
    with pytest.raises(Conflict, match="ptr_no_zone"):
        keep_pointer(SYSTEM, zone_id=zone.id, name="www", type_="A", keep=True)
    back, half = zone_of(world.koscian, REVERSE).zone, zone_of(world.koscian, f"0/25.{REVERSE}").zone
    own = world.member_admin(world.koscian)
    keep_pointer(own, zone_id=zone.id, name="www", type_="A", keep=True)
    assert (_pointers(back), _pointers(half)) == ({}, {"80": ("www.koscian.pl.",)})
    shown = [(one.name, one.address, one.zone, one.kept, one.may) for one in zone_pointers(own, zone_id=zone.id)]
    assert shown == [
        ("www", "192.0.2.80", half.name, True, True),
        ("www", "198.51.100.1", None, True, False),
    ]
    change_zone(own, zone_id=zone.id, changes=[a("www", "192.0.2.200")], accept_warnings=True)
    assert (_pointers(back), _pointers(half)) == ({"200": ("www.koscian.pl.",)}, {})
    remove_zone(own, zone_id=zone.id)
    assert _pointers(back) == {}
    restore_zone(own, zone_id=zone.id)
    assert _pointers(back) == {"200": ("www.koscian.pl.",)}
    change_zone(own, zone_id=zone.id, changes=[Wanted(name="www", type="A")], accept_warnings=True)
    assert _pointers(back) == {}
    for name, type_, fault in (("www", "A", NotFound), ("*", "A", Invalid), ("@", "NS", Invalid)):
        with pytest.raises(fault):
            keep_pointer(own, zone_id=zone.id, name=name, type_=type_, keep=True)


@pytest.mark.one_database
def test_nobody_names_addresses_in_a_reverse_zone_that_is_anothers(world: World) -> None:
    grant(world.smigiel, zones=10)
    back = zone_of(world.smigiel, REVERSE).zone
    other = zone_of(world.koscian, "3.0.192.in-addr.arpa").zone
    zone = zone_of(world.koscian, ZONE, a("www", "192.0.3.80")).zone
    own = world.member_admin(world.koscian)
    keep_pointer(own, zone_id=zone.id, name="www", type_="A", keep=True)
    assert _pointers(other) == {"80": ("www.koscian.pl.",)}
    change_zone(own, zone_id=zone.id, changes=[a("www", "192.0.2.80")], accept_warnings=True)
    assert (_pointers(back), _pointers(other)) == ({}, {})
    with pytest.raises(NotAllowed):
        keep_pointer(own, zone_id=zone.id, name="www", type_="A", keep=True)
    keep_pointer(SYSTEM, zone_id=zone.id, name="www", type_="A", keep=True)
    assert _pointers(back) == {"80": ("www.koscian.pl.",)}
    keep_pointer(own, zone_id=zone.id, name="www", type_="A", keep=False)
    assert _pointers(back) == {}


def _pointers(zone: Zone) -> dict[str, tuple[str, ...]]:
    return {one.name: one.values for one in zone_content(zone).sets if one.type == "PTR"}
