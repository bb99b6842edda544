"""Records that something else keeps, and templates."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from panel.dns.actions import NewZone, Wanted, change_zone, create_zone, create_zones, zone_content
from panel.dns.managed import take_offer, zone_offers
from panel.dns.models import Zone
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Invalid, NotAllowed
from panel.ledger.offers import SOURCES, offers_changed
from panel.mail.domains import create_domain
from panel.mail.models import MailDomain
from tests.dns.worlds import ZONE, a, zone_of
from tests.worlds import World, actor

OFFERED = {
    ("@", "MX"): ("10 mail1.test.",),
    ("@", "TXT"): ('"v=spf1 mx ~all"',),
    ("_dmarc", "TXT"): ('"v=DMARC1; p=none"',),
    ("_imaps._tcp", "SRV"): ("0 1 993 mail1.test.",),
    ("_submissions._tcp", "SRV"): ("0 1 465 mail1.test.",),
}


def test_a_mail_domain_brings_its_records_follows_its_server_and_takes_them_away(world: World) -> None:
    zone = zone_of(world.koscian, ZONE, a("www", "192.0.2.80")).zone
    domain = create_domain(SYSTEM, name=ZONE, member_id=world.koscian.id)
    assert _held(zone) == OFFERED | {("www", "A"): ("192.0.2.80",)}
    assert (zone.version, _states(world, zone)) == (2, dict.fromkeys(OFFERED, "kept"))
    with unit_of_work():
        world.node.hostname = "mx.wokiss.pl"
        db.session.flush()
        offers_changed(SYSTEM, [ZONE])
    assert _held(zone)["@", "MX"] == ("10 mx.wokiss.pl.",)
    with unit_of_work():
        db.session.get_one(MailDomain, domain.id).want = "remove"
        db.session.flush()
        offers_changed(SYSTEM, [ZONE])
    assert _held(zone) == {("www", "A"): ("192.0.2.80",)}
    assert zone.version == 4


@pytest.mark.one_database
def test_what_people_put_in_its_place_stays_theirs_and_is_shown_until_they_give_it_back(world: World) -> None:
    create_domain(SYSTEM, name="poczta.koscian.pl", member_id=world.koscian.id)
    zone = zone_of(world.koscian, ZONE, Wanted(name="_dmarc.poczta", type="TXT", values=['"v=DMARC1; p=reject"'])).zone
    mx = ("@", "MX")
    own = world.member_admin(world.koscian)
    assert _states(world, zone)["poczta", "MX"] == "kept"
    assert _states(world, zone)["_dmarc.poczta", "TXT"] == "overridden"
    change_zone(own, zone_id=zone.id, changes=[Wanted(name="poczta", type="TXT")], accept_warnings=True)
    with unit_of_work():
        offers_changed(SYSTEM, ["poczta.koscian.pl"])
    assert _held(zone)["_dmarc.poczta", "TXT"] == ('"v=DMARC1; p=reject"',)
    assert ("poczta", "TXT") not in _held(zone)
    assert _states(world, zone)["poczta", "TXT"] == "overridden"
    assert mx not in _held(zone)
    with pytest.raises(NotAllowed):
        take_offer(actor("member_editor", world.koscian), _sources(world), zone_id=zone.id, name="poczta", type_="TXT")
    for name in ("poczta", "_dmarc.poczta"):
        take_offer(own, _sources(world), zone_id=zone.id, name=name, type_="TXT")
    assert _states(world, zone) == {(_below(name), type_): "kept" for name, type_ in OFFERED}
    _, notes = zone_offers(own, _sources(world), zone_id=zone.id)
    assert notes == ["dkim_unknown"]


@pytest.mark.one_database
def test_what_cannot_stand_beside_a_members_records_is_left_out_and_hinders_no_mail_domain(world: World) -> None:
    zone = zone_of(world.koscian, ZONE, Wanted(name="_dmarc", type="CNAME", values=["dmarc.example.org."])).zone
    create_domain(SYSTEM, name=ZONE, member_id=world.koscian.id)
    held = _held(zone)
    assert held["@", "MX"] == OFFERED["@", "MX"]
    assert held["_dmarc", "CNAME"] == ("dmarc.example.org.",)
    assert _states(world, zone)["_dmarc", "TXT"] == "missing"
    below = zone_of(world.koscian, "x.koscian.pl").zone
    assert _held(below) == {}


@pytest.mark.one_database
def test_templates_fill_new_zones_and_their_mail_follows_the_mail_domain(world: World) -> None:
    def make(template: str, **values: str) -> Zone:
        return create_zone(
            SYSTEM, member_id=world.koscian.id, name=f"{uuid.uuid4().hex}.pl", template=template, values=values
        ).zone

    hosts = {(name, "A"): ("192.0.2.10",) for name in ("@", "www", "bip")}
    assert _held(make("gmina", address=" 192.0.2.10 ")) == OFFERED | hosts
    both = _held(make("powiat", address="192.0.2.10", address6="2001:DB8::0:1"))
    assert both["geoportal", "AAAA"] == ("2001:db8::1",)
    assert _held(make("virtual-server", address="192.0.2.10")).keys() == {("@", "A"), ("www", "A")}
    assert _held(make("parked"))["@", "MX"] == ("0 .",)
    assert _held(make("empty")) == {}
    mail = make("mail")
    assert _held(mail) == OFFERED
    create_domain(SYSTEM, name=mail.name, member_id=world.koscian.id)
    assert (mail.version, _states(world, mail)) == (1, dict.fromkeys(OFFERED, "kept"))
    for template, values, field in (
        ("gmina", {}, "address"),
        ("gmina", {"address": "x"}, "address"),
        ("gmina", {"address": "192.0.2.1", "address6": "192.0.2.1"}, "address6"),
        ("mail", {"address": "192.0.2.1"}, "address"),
        ("city", {}, "template"),
    ):
        with pytest.raises(Invalid) as refused:
            make(template, **values)
        assert refused.value.field == field
    new = NewZone(member_id=world.koscian.id, name="nowa.pl", template="gmina", values={"address": "192.0.2.10"},
                  sets=[a("www", "192.0.2.99")])  # fmt: skip
    (made,) = create_zones(SYSTEM, zones=[new])
    assert _held(made.zone)["www", "A"] == ("192.0.2.99",)


def _held(zone: Zone) -> dict[tuple[str, str], tuple[str, ...]]:
    """What a zone holds beside its name servers."""
    return {(one.name, one.type): one.values for one in zone_content(zone).sets if one.type != "NS"}


def _states(world: World, zone: Zone) -> dict[tuple[str, str], str]:
    found, _ = zone_offers(world.member_admin(world.koscian), _sources(world), zone_id=zone.id)
    return {(one.offered.name, one.offered.type): one.state for one in found}


def _sources(world: World) -> Any:
    return world.app.extensions[SOURCES]


def _below(name: str) -> str:
    return "poczta" if name == "@" else f"{name}.poczta"
