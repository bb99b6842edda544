"""Pages of members: finding, choosing, changing, and two people changing the same one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.members.actions import update_member
from panel.members.models import Member
from tests.web.sending import fields_at_fault, rows_of_everything, send
from tests.web.site import Site, token_in

NEW = {"name": "Szkoła Podstawowa nr 3 w Kościanie", "kind": "school", "slug": "", "rspo": "12345"}


def test_search_folds_polish_letters_and_chips_narrow(site: Site) -> None:
    client = site.client(site.admin)
    assert names(client, "/members/?search=SMIG") == ["Śmigiel"]
    assert names(client, "/members/?search=301101") == ["Kościan"]
    assert names(client, "/members/?kind=county") == []
    assert names(client, "/members/?sort=-name") == ["Śmigiel", "Kościan"]
    assert "Nie ma takiego podmiotu" in client.get("/members/?search=atlantyda").text


def test_a_clerk_sees_only_its_own(site: Site) -> None:
    client = site.client(site.clerk)
    assert names(client, "/members/") == ["Kościan"]
    assert "Śmigiel" not in client.get("/members/members.csv", buffered=True).text
    assert client.get(f"/members/{site.world.smigiel.id}").status_code == 404
    assert client.get(f"/members/{site.world.koscian.id}").status_code == 200


def test_a_clerk_changes_no_member(site: Site) -> None:
    client, own = site.client(site.clerk), f"/members/{site.world.koscian.id}"
    token = token_in(client.get("/account").text)
    before = rows_of_everything()
    for path in ("/members/new", f"{own}/edit"):
        assert client.get(path).status_code == 403
        assert client.post(path, data={"csrf_token": token, **NEW}).status_code == 403
    assert rows_of_everything() == before
    assert "/edit" not in client.get(own).text


def test_a_new_member_gets_its_short_name_from_its_name(site: Site) -> None:
    client = site.client(site.admin)
    answer = send(client, f"/members/new?parent={site.world.koscian.id}", NEW | {"parent_id": "miasto-koscian"})
    assert answer.status_code == 303
    made = member(NEW["name"])
    assert (made.slug, made.parent_id) == ("szkola-podstawowa-nr-3-w-koscianie", site.world.koscian.id)
    assert NEW["name"] in client.get(f"/members/{site.world.koscian.id}").text


@pytest.mark.parametrize("named", ["miasto-koscian", "301101", "Kościan", "KOSCIAN"])
def test_a_superior_unit_is_named_as_people_know_it(site: Site, named: str) -> None:
    send(site.client(site.admin), "/members/new", NEW | {"parent_id": named})
    assert member(NEW["name"]).parent_id == site.world.koscian.id


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"name": ""}, {"name"}),
        ({"name": "a" * 300, "slug": "a"}, {"name"}),
        ({"name": "Koś\x07cian"}, {"name"}),
        ({"name": "Kościan\u202e"}, {"name"}),
        ({"nip": "123-456-78-90"}, {"nip"}),
        ({"regon": "x"}, {"regon"}),
        ({"teryt": "30"}, {"teryt"}),
        ({"teryt": "301101"}, {"teryt"}),
        ({"slug": "Zła Nazwa"}, {"slug"}),
        ({"slug": "smigiel"}, {"slug"}),
        ({"parent_id": "nie ma takiego"}, {"parent_id"}),
        ({"kind": "kingdom"}, {"kind"}),
        ({"nip": "1", "regon": "2", "teryt": "3"}, {"nip", "regon", "teryt"}),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(
    site: Site, fields: dict[str, str], faults: set[str]
) -> None:
    before = rows_of_everything()
    answer = send(site.client(site.admin), "/members/new", NEW | {"address": "Rynek 1"} | fields)
    assert answer.status_code == 422
    assert fields_at_fault(answer.text) == faults
    assert 'value="Rynek 1"' in answer.text
    assert rows_of_everything() == before


def test_contacts_are_rows_and_empty_ones_are_left_out(site: Site) -> None:
    client, path = site.client(site.admin), f"/members/{site.world.koscian.id}/edit"
    more = send(client, path, data_of(site) | {"contacts.0.name": "Anna Nowak", "add_row": "1"})
    assert more.status_code == 200
    assert 'name="contacts.1.name"' in more.text
    assert 'value="Anna Nowak"' in more.text
    fields = {"contacts.0.name": "Anna Nowak", "contacts.0.phone": "65 512 11 66", "contacts.1.name": " "}
    send(client, path, data_of(site) | fields)
    db.session.rollback()
    assert db.session.get_one(Member, site.world.koscian.id, populate_existing=True).contacts == [
        {"name": "Anna Nowak", "role": "", "phone": "65 512 11 66", "email": ""}
    ]
    page = client.get(f"/members/{site.world.koscian.id}").text
    assert 'href="tel:655121166"' in page


def test_a_change_made_meanwhile_is_shown_and_replaced_only_when_sent_again(site: Site) -> None:
    client, path = site.client(site.admin), f"/members/{site.world.koscian.id}/edit"
    fields = data_of(site) | {"address": "Mój adres 1"}
    update_member(SYSTEM, site.world.koscian.id, address="Cudzy adres 2")
    db.session.commit()
    answer = send(client, path, fields)
    assert answer.status_code == 422
    assert "Cudzy adres 2" in answer.text
    assert 'value="Mój adres 1"' in answer.text
    assert address_of(site) == "Cudzy adres 2"
    version = re.search(r'name="version"[^>]*value="(\d+)"', answer.text)
    assert version is not None
    assert send(client, path, fields | {"version": version.group(1)}).status_code == 303
    assert address_of(site) == "Mój adres 1"


@pytest.mark.parametrize("version", ["", "x", "-1", "١", "9" * 40])
def test_a_version_nobody_was_shown_counts_as_old(site: Site, version: str) -> None:
    path = f"/members/{site.world.koscian.id}/edit"
    answer = send(site.client(site.admin), path, data_of(site) | {"address": "Nowy", "version": version})
    assert answer.status_code == 422
    assert address_of(site) == ""


def test_choosing_leads_on_and_an_unknown_purpose_is_no_page(site: Site) -> None:
    client = site.client(site.admin)
    assert f"/contracts/new?member={site.world.smigiel.id}" in client.get("/members/choose/contract").text
    assert client.get("/members/choose/anything").status_code == 404
    assert site.client(site.clerk).get("/members/choose/contract").status_code == 403


def names(client: FlaskClient, path: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*><a href="/members/[0-9a-f-]+">([^<]+)</a>', client.get(path).text)


def member(name: str) -> Member:
    db.session.rollback()
    return db.session.scalars(select(Member).where(Member.name == name)).one()


def address_of(site: Site) -> str:
    db.session.rollback()
    return db.session.get_one(Member, site.world.koscian.id, populate_existing=True).address


def data_of(site: Site) -> dict[str, Any]:
    """What the editing form of Kościan holds when it is opened."""
    page = site.client(site.admin).get(f"/members/{site.world.koscian.id}/edit").text
    fields = dict(re.findall(r'<input[^>]*name="([a-z_]+)"[^>]*value="([^"]*)"', page))
    fields.pop("csrf_token", None)
    return fields | {"kind": "municipality"}
