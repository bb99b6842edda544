"""Pages of webhooks: the secret once, what was sent, and what a click does."""

from __future__ import annotations

import re

from panel.kernel.db import db, unit_of_work
from panel.webhooks.models import Delivery, Webhook
from panel.webhooks.signing import secret_of
from tests.web.site import Site, token_in

URL = "https://example.com/hook"


def test_a_clerk_sets_one_up_looks_at_it_and_takes_it_away(site: Site) -> None:
    client = site.client(site.clerk, fresh=True)
    page = client.get("/webhooks/new").text
    refused = client.post("/webhooks/new", data={"csrf_token": token_in(page), "url": "nonsense", "member_id": "x"})
    assert refused.status_code == 422
    data = {"csrf_token": token_in(page), "url": URL, "events": "mail:mailbox\nidentity", "member_id": "miasto-koscian"}
    made = client.post("/webhooks/new", data=data)
    hook = db.session.query(Webhook).one()
    secret = secret_of(site.world.app.config["CIS"], hook.id, 1)
    assert secret in made.text
    assert made.headers["Cache-Control"] == "no-store"
    assert (hook.events, hook.name, hook.member_id) == (
        ["mail:mailbox", "identity"],
        "example.com",
        site.world.koscian.id,
    )
    place = f"/webhooks/{hook.id}"
    assert client.post(f"{place}/test", data={"csrf_token": token_in(client.get(place).text)}).status_code == 303
    shown = client.get(place).text
    assert "webhooks:test" in shown
    assert "data-live-pending" in shown
    assert secret not in shown
    db.session.rollback()
    delivery = db.session.query(Delivery).one()
    _tried(delivery, "<script>alert(1)</script>")
    page = client.get(f"{place}/deliveries/{delivery.id}").text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    client.post(f"{place}/deliveries/{delivery.id}/resend", data={"csrf_token": token_in(page)})
    db.session.rollback()
    assert db.session.get_one(Delivery, delivery.id, populate_existing=True).state == "queued"
    rotated = client.post(f"{place}/rotate", data={"csrf_token": token_in(client.get(f"{place}/rotate").text)}).text
    assert secret_of(site.world.app.config["CIS"], hook.id, 2) in rotated
    for state in (False, True):
        client.post(f"{place}/switch", data={"csrf_token": token_in(client.get(f"{place}/switch").text)})
        db.session.rollback()
        assert db.session.get_one(Webhook, hook.id, populate_existing=True).active is state
    edited = {"csrf_token": token_in(client.get(f"{place}/edit").text), "url": URL + "/2", "name": "Kadry"}
    assert client.post(f"{place}/edit", data=edited).status_code == 303
    assert re.search(r"Kadry", client.get("/webhooks/").text)
    client.post(f"{place}/remove", data={"csrf_token": token_in(client.get(f"{place}/remove").text)})
    db.session.rollback()
    assert (db.session.query(Webhook).count(), db.session.query(Delivery).count()) == (0, 0)


def test_without_a_fresh_second_factor_nothing_is_set_up(site: Site) -> None:
    answer = site.client(site.admin).get("/webhooks/new")
    assert answer.status_code == 302
    assert "confirm" in answer.headers["Location"]


def _tried(delivery: Delivery, answer: str) -> None:
    with unit_of_work():
        delivery.state, delivery.attempts = "failed", 1
        delivery.tries = [{"at": "2026-11-23T12:00:00+00:00", "status": 400, "ms": 12, "answer": answer, "problem": ""}]
