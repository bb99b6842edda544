from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from panel.dns.models import Zone, ZoneVersion
from panel.kernel.db import db
from tests.web.site import Site, token_in

pytestmark = pytest.mark.one_database


def test_what_happens_to_many_zones_is_shown_first_and_then_done(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    _replace(client)
    _remove(client)
    _ask_senselessly(client)


def _replace(client: FlaskClient) -> None:
    page = client.get("/dns/zones?search=koscian").text
    assert page.count('name="id" value="') == 1
    assert 'value="all"' in page
    asked = send(client, page, action="replace", scope="all", search="koscian")
    assert (asked.status_code, 'name="old"' in asked.text, "digest" in asked.text) == (200, True, False)
    wrong = send(client, page, action="replace", scope="all", search="koscian", step="plan", type="A", old="x", new="y")
    assert (wrong.status_code, 'href="#old"' in wrong.text, 'value="x"' in wrong.text) == (422, True, True)
    wish = {"action": "replace", "scope": "all", "search": "koscian", "type": "A", "old": "192.0.2.10"}
    shown = send(client, page, **wish, new="192.0.2.77", step="plan")
    assert "192.0.2.77" in shown.text
    assert "koscian.pl" in shown.text
    assert versions() == 2
    sent = dict(wish, new="192.0.2.77", step="save", comment="przeprowadzka", digest=digest_in(shown))
    assert send(client, page, **dict(sent, new="192.0.2.78")).status_code == 422
    assert versions() == 2
    done = send(client, page, **sent)
    assert done.status_code == 303
    assert done.location.startswith("/jobs/")
    assert versions() == 3
    assert "przeprowadzka" in client.get(f"/dns/zones/{koscian()}/versions").text
    assert client.get(done.location).status_code == 200


def _remove(client: FlaskClient) -> None:
    page = client.get("/dns/zones").text
    ids = [part.split('"')[0] for part in page.split('name="id" value="')[1:]]
    shown = send(client, page, action="remove", scope="chosen", id=ids)
    assert "stref" in shown.text.split('class="plan"')[1]
    assert 'name="comment"' not in shown.text
    done = send(client, page, action="remove", scope="chosen", id=ids, step="save", digest=digest_in(shown))
    db.session.rollback()
    assert (done.status_code, db.session.scalars(select(Zone.want).distinct()).all()) == (303, ["remove"])


def _ask_senselessly(client: FlaskClient) -> None:
    page = client.get("/dns/zones").text
    for values in (
        {"scope": "chosen"},
        {"scope": "chosen", "id": "x"},
        {"scope": "all", "member": "x"},
        {"scope": "all", "search": "nie-ma"},
        {"scope": "all", "action": "burn"},
        {"scope": "all", "action": "ttl", "ttl": "5", "step": "plan"},
        {"scope": "all", "action": "replace", "step": "save", "digest": "x"},
    ):
        answer = send(client, page, **({"action": "sign"} | values))
        assert answer.status_code == 422, values
        assert 'name="digest" value="' not in answer.text, values


def send(client: FlaskClient, page: str, **values: object) -> TestResponse:
    return client.post("/dns/changes", data={"csrf_token": token_in(page), **values})


def digest_in(page: TestResponse) -> str:
    return page.text.split('name="digest" value="')[1].split('"')[0]


def koscian() -> object:
    return db.session.scalar(select(Zone.id).where(Zone.name == "koscian.pl"))


def versions() -> int:
    db.session.rollback()
    return len(db.session.scalars(select(ZoneVersion.id).where(ZoneVersion.zone_id == koscian())).all())
