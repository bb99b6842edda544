"""Pages of zones: what is typed, shown as a difference and saved; conflicts, versions, whose a name is, imports."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from panel.dns.actions import Wanted, change_zone, get_zone, zone_content
from panel.dns.models import Zone
from panel.dns.proving import get_proof
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.mail.domains import create_domain
from tests.dns.worlds import a, name_servers, zone_of
from tests.web.sending import fields_at_fault, send
from tests.web.site import Site, small_site, token_in

_KEPT = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_TEXT = re.compile(r'<textarea name="([^"]+)" hidden[^>]*>\n?(.*?)</textarea>', re.DOTALL)


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[Site]:
    """Pages over a world with name servers."""
    with small_site(tmp_path) as site:
        name_servers(site.world)
        yield site


@pytest.fixture
def zone(zones: Site) -> Zone:
    """A zone of the clerk's member."""
    return zone_of(zones.world.koscian, "koscian.pl", a("www", "192.0.2.1"), a("@", "192.0.2.1")).zone


def test_a_new_zone_tells_what_to_set_and_is_served_once_staff_vouches(zones: Site) -> None:
    client = zones.client(zones.clerk)
    empty = {"name": "", "template": "gmina", "member_id": "miasto-koscian"}
    assert fields_at_fault(send(client, "/dns/zones/new", empty).text) == {"name"}
    refused = send(client, "/dns/zones/new", empty | {"name": "kościan.pl", "address": "192.0.2.300", "dnssec": "y"})
    assert (refused.status_code, fields_at_fault(refused.text)) == (422, {"address"})
    assert 'value="kościan.pl"' in refused.text, "what was typed stays"
    good = empty | {"name": "kościan.pl", "address": "192.0.2.3", "dnssec": "y"}
    page = _followed(client, send(client, "/dns/zones/new", good)).text
    made = db.session.scalars(select(Zone)).unique().one()
    proof = get_proof(SYSTEM, made.id)
    assert proof is not None
    assert f"_cis-proof.{made.name}." in page
    assert proof.token in page
    listed = client.get("/dns/zones?search=kościan&look=unproven").text
    assert ("kościan.pl" in listed, made.name in listed, "czeka na potwierdzenie" in listed) == (True, True, True)
    assert made.name in client.get("/dns/zones.csv").text
    assert client.get(f"/dns/zones/{made.id}/vouch").status_code == 403
    staff, path = zones.client(zones.admin), f"/dns/zones/{made.id}/vouch"
    assert fields_at_fault(send(staff, path, {"reason": ""}).text) == {"reason"}
    assert send(staff, path, {"reason": "Uchwała rady gminy"}).status_code == 303
    assert "_cis-proof" not in client.get(f"/dns/zones/{made.id}").text
    assert not db.session.get_one(Zone, made.id, populate_existing=True).is_held


def test_records_are_typed_looked_at_and_saved(zones: Site, zone: Zone) -> None:
    client, own = zones.client(zones.clerk), f"/dns/zones/{zone.id}"
    assert "Serwer poczty" in client.get(f"{own}/records/new").text
    path = f"{own}/records/edit?type=MX"
    typed = {"name": "@", "ttl": "600", "values.0.part_preference": "x", "values.0.part_host": ""}
    wrong = send(client, path, typed | {"step": "preview", "version": "1"})
    assert (wrong.status_code, 'value="x"' in wrong.text) == (422, True)
    assert fields_at_fault(wrong.text) == {"values.0.part_preference", "values.0.part_host"}
    typed |= {"values.0.part_preference": "10", "values.0.part_host": "brak"}
    more = send(client, path, typed | {"step": "row", "version": "1"})
    assert 'name="values.1.part_host"' in more.text
    blocked = send(client, path, typed | {"step": "preview", "version": "1"})
    assert ("Z tą zmianą strefa byłaby błędna" in blocked.text, 'value="save"' in blocked.text) == (True, False)
    shown = send(client, path, typed | {"values.0.part_host": "mx.innafirma.pl", "step": "preview", "version": "1"})
    assert "10 mx.innafirma.pl." in shown.text
    assert zone_content(get_zone(SYSTEM, zone.id)).sets == zone_content(zone).sets, "nothing is saved yet"
    again = client.post(path, data=_kept(shown.text) | {"step": "again"})
    assert 'value="mx.innafirma.pl"' in again.text
    saved = client.post(path, data=_kept(shown.text) | {"step": "save", "comment": "nowa poczta"})
    assert saved.status_code == 303
    page = client.get(own).text
    assert ("10 mx.innafirma.pl." in page, "wersję 2" in page) == (True, True)
    there = send(client, path, typed | {"values.0.part_host": "inny.pl", "step": "preview", "version": "2"})
    assert fields_at_fault(there.text) == {"name"}, "new records do not take the place of others"
    assert "nowa poczta" in client.get(f"{own}/versions").text
    assert "mx.innafirma.pl" in client.get(f"{own}/versions/compare?old=2&new=1").text
    back = client.get(f"{own}/versions/1/revert").text
    assert client.post(f"{own}/versions/1/revert", data=_kept(back) | {"step": "save"}).status_code == 303
    assert "mx.innafirma" not in client.get(own).text
    assert client.get(f"{own}/versions/9").status_code == 404
    gone = client.get(f"{own}/records/remove?name=www&type=A").text
    assert client.post(f"{own}/records/remove?name=www&type=A", data=_kept(gone) | {"step": "save"}).status_code == 303
    assert client.get(f"{own}/records/edit?name=www&type=A").status_code == 404


def test_warnings_ask_before_records_are_saved(zones: Site, zone: Zone) -> None:
    client, path = zones.client(zones.clerk), f"/dns/zones/{zone.id}/records/edit?type=A&name=www"
    typed = {"values.0.part_address": "10.1.2.3", "ttl": "600", "name": "www", "version": "1"}
    shown = send(client, path, typed | {"step": "preview"})
    assert "To wygląda na błąd" in shown.text
    kept = _kept(shown.text) | {"step": "save", "comment": "sieć wewnętrzna"}
    asked = client.post(path, data=kept)
    assert (asked.status_code, fields_at_fault(asked.text)) == (422, {"accept_warnings"})
    assert 'value="sieć wewnętrzna"' in asked.text
    assert client.post(path, data=kept | {"accept_warnings": "y"}).status_code == 303


def test_what_somebody_else_saved_meanwhile_is_shown_and_nothing_typed_is_lost(zones: Site, zone: Zone) -> None:
    client, path = zones.client(zones.clerk), f"/dns/zones/{zone.id}/records/text"
    page = client.get(path).text
    text = unescape(page.split('name="text"')[1].split(">", 1)[1].split("</textarea>")[0]).lstrip()
    typed = {"csrf_token": token_in(page), "version": "1", "text": text.replace("192.0.2.1", "192.0.2.9", 1)}
    shown = client.post(path, data=typed | {"step": "preview"}).text
    change_zone(SYSTEM, zone_id=zone.id, changes=[a("bip", "192.0.2.7"), a("@", "192.0.2.8")], comment="w tym czasie")
    late = client.post(path, data=_kept(shown) | {"step": "save"})
    assert (late.status_code, "Ktoś inny w międzyczasie" in late.text, "w tym czasie" in late.text) == (409, True, True)
    assert "Zmieniły to dwie osoby" in late.text
    assert client.post(path, data=_kept(late.text) | {"step": "save"}).status_code == 303
    held = {(one.name, one.type): one.values for one in zone_content(get_zone(SYSTEM, zone.id)).sets}
    assert (held["bip", "A"], held["@", "A"]) == (("192.0.2.7",), ("192.0.2.9",)), "both changes are in"
    lines = {"csrf_token": typed["csrf_token"], "version": "3", "step": "preview"}
    wrong = client.post(path, data=lines | {"text": text + "www A 192.0.2.300\n@ 60 IN SOA a. b. 1 1 1 1 1\n"})
    assert (wrong.status_code, fields_at_fault(wrong.text)) == (422, {"text"})
    assert f"Wiersz {len(text.splitlines()) + 1}:" in wrong.text


def test_kept_records_are_marked_overridden_visibly_and_given_back(zones: Site, zone: Zone) -> None:
    create_domain(SYSTEM, name="poczta.koscian.pl", member_id=zones.world.koscian.id)
    client, own = zones.client(zones.clerk), f"/dns/zones/{zone.id}"
    assert "utrzymywane" in client.get(own).text
    path = f"{own}/records/edit?type=TXT&name=poczta"
    typed = {"values.0.part_text": "v=spf1 -all", "ttl": "600", "name": "poczta", "version": str(_version(zone))}
    assert "aktualizowane same" in client.get(path).text
    shown = send(client, path, typed | {"step": "preview"}).text
    assert "utrzymuje: domena pocztowa" in shown
    assert client.post(path, data=_kept(shown) | {"step": "save", "accept_warnings": "y"}).status_code == 303
    assert "zmienione ręcznie" in client.get(own).text
    back = f"{own}/records/give-back?name=poczta&type=TXT"
    assert "v=spf1 mx ~all" in unescape(client.get(back).text)
    assert send(client, back).status_code == 303
    assert "zmienione ręcznie" not in client.get(own).text


def test_a_file_is_shown_as_a_difference_taken_over_and_changes_nothing_again(zones: Site, zone: Zone) -> None:
    client, own = zones.client(zones.clerk), f"/dns/zones/{zone.id}"
    who = {"name": "koscian.pl", "member_id": "miasto-koscian"}
    assert fields_at_fault(send(client, "/dns/imports/files", who).text) == {"text"}
    body = b"$TTL 600\n@ NS ns1.wokiss.pl.\n@ NS ns2.wokiss.pl.\n$INCLUDE www.inc\nbip A 192.0.2.300\n"
    files = [(io.BytesIO(body), "koscian.zone"), (io.BytesIO(b"www A 192.0.2.44\n"), "www.inc")]
    page = _followed(client, send(client, "/dns/imports/files", who | {"files": files}))
    assert ("1 wiersz odrzucono" in page.text, "192.0.2.44" in page.text) == (True, True)
    path = page.request.path
    assert send(client, path).status_code == 422, "lines were refused"
    assert send(client, path, {"only_good": "y"}).status_code == 303
    assert "192.0.2.44" in client.get(own).text
    export = client.get(f"{own}/file/zone")
    assert "attachment" in export.headers["Content-Disposition"]
    same = _followed(client, send(client, "/dns/imports/files", who | {"text": export.text}))
    assert "Nic się nie zmieni" in same.text
    assert client.post(f"{same.request.path}/forget", data={"csrf_token": token_in(same.text)}).status_code == 303
    assert client.get(same.request.path).status_code == 404
    refused = send(client, "/dns/imports/transfer", who | {"server": "", "port": "x", "key": "tajny klucz"})
    assert fields_at_fault(refused.text) == {"server", "port"}
    assert "tajny klucz" not in refused.text


def test_signing_times_and_the_end_of_a_zone(zones: Site, zone: Zone) -> None:
    client, staff, own = zones.client(zones.clerk), zones.client(zones.admin), f"/dns/zones/{zone.id}"
    change_zone(SYSTEM, zone_id=zone.id, changes=[Wanted(name="bip", type="A", values=["192.0.2.5"])])
    times = {"refresh": "7200", "retry": "900", "expire": "1209600", "minimum": "5", "ttl": "3600", "version": "1"}
    assert "w międzyczasie" in send(client, f"{own}/soa", times).text
    assert fields_at_fault(send(client, f"{own}/soa", times | {"version": "2"}).text) == {"minimum"}
    assert send(client, f"{own}/soa", times | {"version": "2", "minimum": "300"}).status_code == 303
    assert client.get(f"{own}/dnssec/off").status_code == 403
    assert send(staff, f"{own}/dnssec/off", {"reason": "Rejestrator potwierdził telefonicznie"}).status_code == 303
    assert "Podpisz strefę" in client.get(f"{own}/dnssec").text
    assert send(client, f"{own}/dnssec").status_code == 303
    assert "Klucze dla strefy nadrzędnej" in client.get(own).text
    assert send(client, f"{own}/remove").status_code == 303
    assert "Przywróć strefę" in client.get(own).text
    assert send(client, f"{own}/restore").status_code == 303
    assert send(client, f"{own}/remove").status_code == 303
    assert client.get(f"{own}/purge").status_code == 403
    assert send(staff, f"{own}/purge").status_code == 303
    assert db.session.get_one(Zone, zone.id, populate_existing=True).want == "purge"


def test_others_see_nothing_of_a_zone_and_readers_no_way_to_change_it(zones: Site, zone: Zone) -> None:
    own = f"/dns/zones/{zone.id}"
    assert zones.client(zones.nobody).get(own).status_code == 403
    reader = zones.person("czyta@example.test", "auditor")
    page = zones.client(reader).get(own).text
    assert ("192.0.2.1" in page, "Dodaj rekordy" in page, "Usuń strefę" in page) == (True, False, False)
    assert zones.client(reader).get(f"{own}/records/text").status_code == 403


def _version(zone: Zone) -> int:
    return db.session.get_one(Zone, zone.id, populate_existing=True).version


def _kept(page: str) -> dict[str, str]:
    """What the form that shows a difference carries along."""
    form = page.split("<main", 1)[1].rpartition("<form")[2]
    return {name: unescape(value) for name, value in [*_KEPT.findall(form), *_TEXT.findall(form)]}


def test_a_zone_that_is_not_active_says_which_server_is_behind_and_where_to_look(zones: Site, zone: Zone) -> None:
    staff, clerk = zones.client(zones.admin), zones.client(zones.clerk)
    page = f"/dns/zones/{zone.id}"
    assert "dłużej" not in staff.get(page).text
    with unit_of_work():
        zone.updated_at = utcnow() - timedelta(minutes=9)
        zone.answers = {"ns2": 4, "ns1": 5, "ns3": None}
    late = staff.get(page).text
    assert late.count("dłużej niż powinno") == 1
    assert f"/nodes/{zone.node_id}" in late
    assert f"/nodes/{zone.node_id}" not in clerk.get(page).text
    servers = unescape(late.split('id="servers"')[1].split("</section>")[0])
    assert re.findall(r"ns\d|główny ma 5|brak odpowiedzi", servers) == [
        "ns1",
        "ns2",
        "główny ma 5",
        "ns3",
        "brak odpowiedzi",
    ]
    with unit_of_work():
        zone.parent_ds = "mismatch"
    assert "nie widzi tej strefy" in clerk.get(page).text


def _followed(client: FlaskClient, answer: TestResponse) -> TestResponse:
    assert answer.status_code == 303, fields_at_fault(answer.text)
    return client.get(answer.location)
