"""What one is told of, the record taken along, and a person erased: through the pages."""

from __future__ import annotations

import json
from itertools import pairwise

from sqlalchemy import select

from panel.identity.models import User
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.ledger.chain import chainer
from panel.ledger.events import Event
from panel.ledger.messages import Message
from panel.ledger.notices import Notice
from panel.notices.preferences import preferences_of
from tests.web.site import Site, token_in


def test_a_person_chooses_what_they_are_told_of_and_sees_what_was_sent(site: Site) -> None:
    with unit_of_work():
        for user in (site.clerk, site.nobody):
            notice = Notice(code="notices:test", user_id=user.id, params={})
            db.session.add(notice)
            db.session.flush()
            db.session.add(Message(notice_id=notice.id, code=notice.code, user_id=user.id, state="sent"))
    client = site.client(site.clerk)
    page = client.get("/account/notices").text
    assert page.count("Wiadomość próbna") == 1
    assert "anna@example.test" in page
    chosen = {"csrf_token": token_in(page), "contracts": "daily", "orders": "none", "mail": "now"}
    assert client.post("/account/notices", data=chosen).status_code == 303
    assert preferences_of(site.clerk.id) == {
        "security": "now",
        "contracts": "daily",
        "orders": "none",
        "mail": "now",
    }
    assert preferences_of(site.nobody.id)["orders"] == "now"
    refused = client.post("/account/notices", data=chosen | {"contracts": "none"})
    assert refused.status_code == 422


def test_the_record_is_taken_along_by_those_who_may_and_that_is_recorded(site: Site) -> None:
    chainer()(SYSTEM)
    client = site.client(site.admin)
    sent = {"csrf_token": token_in(client.get("/records/export").text), "since": "2026-01-01"}
    assert client.post("/records/export", data=sent | {"since": ""}).status_code == 422
    answer = client.post("/records/export", data=sent)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(line["previous"] == before["digest"] for before, line in pairwise(lines))
    assert client.post("/records/export", data=sent | {"since": "2030-01-01"}).text == ""
    assert len(db.session.scalars(select(Event).where(Event.tag == "records:events:export")).unique().all()) == 2
    assert site.client(site.clerk).get("/records/export").status_code in (403, 404)


def test_a_person_without_an_account_is_erased_after_a_fresh_factor_and_a_look_at_what_goes(site: Site) -> None:
    with unit_of_work():
        site.world.koscian.contacts = [{"name": "Jan Nowak", "email": "jan@stary.test"}]
    path = "/records/people/erase"
    assert site.client(site.admin).get(path).status_code in (302, 303), "a fresh factor first"
    client = site.client(site.admin, fresh=True)
    assert path in client.get("/events").text
    who = {"csrf_token": token_in(client.get(path).text), "name": "Jan Nowak", "emails": "jan@stary.test\n"}
    assert "Podaj imię i nazwisko" in client.post(path, data=who | {"name": "Nowak"}).text
    assert "nic nie jest zapisane" in client.post(path, data=who | {"name": "Piotr Lis", "emails": ""}).text
    shown = client.post(path, data=who).text
    assert "podmioty i ich osoby do kontaktu: 1" in shown
    assert client.post(path, data=who | {"sure": "y"}).status_code == 422, "no reason"
    assert site.world.koscian.contacts, "nothing was erased yet"
    assert client.post(path, data=who | {"sure": "y", "reason": "Wniosek z 3 listopada"}).status_code == 303
    db.session.refresh(site.world.koscian)
    assert site.world.koscian.contacts == []
    account = client.post(path, data=who | {"emails": site.clerk.email})
    assert "Usuń dane tego konta" in account.text
    assert site.client(site.clerk).get(path).status_code in (403, 404)


def test_a_person_is_erased_after_a_fresh_factor_and_a_look_at_what_goes(site: Site) -> None:
    person = site.person("stary@example.test", "support")
    client = site.client(site.admin)
    path = f"/records/people/{person.id}/erase"
    assert client.get(path).status_code in (302, 303), "a fresh factor first"
    client = site.client(site.admin, fresh=True)
    page = client.get(path).text
    assert "stary@example.test" in page
    assert "w 1 zdarzeniu" in page
    refused = client.post(path, data={"csrf_token": token_in(page), "reason": ""})
    assert refused.status_code == 422
    done = client.post(path, data={"csrf_token": token_in(page), "reason": "Wniosek z 3 listopada"})
    assert done.status_code == 303
    assert db.session.get_one(User, person.id, populate_existing=True).name == ""
    assert "stary@example.test" not in client.get("/events").text
    assert site.client(site.clerk).get(path).status_code in (403, 404)
