from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from panel.kernel.db import db
from panel.ledger.events import Event
from panel.mail.models import Mailbox
from tests.web.site import Site, token_in


def test_what_happens_is_shown_first_and_then_done_to_exactly_that(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    page = client.get("/mail/mailboxes?search=pracownik00").text
    ids = [part.split('"')[0] for part in page.split('name="id" value="')[1:]]
    assert len(ids) == 10
    assert "Ze wszystkimi 10 z listy" in page
    shown = send(client, page, action="suspend", scope="chosen", id=ids[:3])
    assert "Nikt nie zaloguje się do 3 skrzynek" in shown.text
    assert "pracownik002@" in shown.text
    assert suspended() == []
    digest = shown.text.split('name="digest" value="')[1].split('"')[0]
    other = send(client, page, action="suspend", scope="chosen", id=ids[:4], digest=digest, search="pracownik00")
    assert other.location == "/mail/mailboxes?search=pracownik00"
    assert suspended() == []
    done = send(client, page, action="suspend", scope="chosen", id=ids[:3], digest=digest)
    assert (done.status_code, done.location) == (303, "/mail/mailboxes")
    assert suspended() == [f"pracownik{n:03}" for n in range(3)]
    whole = send(client, page, action="suspend", scope="all", search="pracownik00")
    assert "3 skrzynki już takie są" in whole.text
    assert "do 7 skrzynek" in whole.text


def test_a_capacity_is_asked_for_and_links_come_as_a_file_once(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    page = client.get("/mail/mailboxes?search=pracownik00").text
    asked = send(client, page, action="quota", scope="all", search="pracownik000")
    assert 'name="quota_mb"' in asked.text
    assert 'name="digest"' not in asked.text
    shown = send(client, page, action="quota", scope="all", search="pracownik000", quota_mb="3072")
    assert "3 GB" in shown.text.replace("\N{NO-BREAK SPACE}", " ")
    links = send(client, page, action="activation", scope="all", search="pracownik00")
    digest = links.text.split('name="digest" value="')[1].split('"')[0]
    file = send(client, page, action="activation", scope="all", search="pracownik00", digest=digest)
    assert file.headers["Cache-Control"] == "no-store"
    assert file.text.count("/activate/") == 10


def test_senseless_choices_lead_back_to_the_list(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    page = client.get("/mail/mailboxes?search=pracownik00").text
    for values in (
        {"scope": "chosen"},
        {"scope": "chosen", "id": "x"},
        {"scope": "all", "search": "nie-ma"},
        {"scope": "all", "member": "x"},
        {"scope": "all", "domain": "nie.ma"},
        {"scope": "all", "action": "burn"},
        {"scope": "all", "action": "quota", "quota_mb": "-1"},
    ):
        answer = send(client, page, **({"action": "remove"} | values))
        assert answer.status_code in (200, 303, 422), values
        assert 'name="digest"' not in answer.text, values
    assert (
        db.session.scalar(select(Event.id).where(Event.tag == "mail:mailbox:remove", Event.actor.like("user:%")))
        is None
    )


def test_everything_is_found_from_the_box_on_top(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    page = client.get("/search?search=PRACOWNIK").text
    assert page.count('class="hit"') == 10
    assert "/search?search=PRACOWNIK&amp;kind=mailbox" in page
    assert client.get("/search?search=PRACOWNIK&kind=mailbox").text.count('class="hit"') == 50
    assert "mail1" in client.get("/search?search=mail1").text
    assert "/nodes/" not in full_site.client(full_site.nobody).get("/search?search=mail1").text


def send(client: FlaskClient, page: str, **values: object) -> TestResponse:
    return client.post("/mail/changes", data={"csrf_token": token_in(page), **values})


def suspended() -> list[str]:
    db.session.rollback()
    rows = db.session.scalars(
        select(Mailbox.address).where(Mailbox.suspended_at.is_not(None), Mailbox.address.like("pracownik%"))
    )
    return sorted(address.partition("@")[0] for address in rows)
