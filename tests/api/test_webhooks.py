"""Webhooks by the API: the secret in the first answer only, changes by version, and the record of what was sent."""

from __future__ import annotations

from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.ledger.chain import chainer
from panel.webhooks.making import queue_events
from panel.webhooks.models import Delivery
from tests.api.program import Program

URL = "https://example.com/hook"


def test_a_webhook_by_the_api(program: Program) -> None:
    body = {"url": URL, "member_id": str(program.world.koscian.id), "events": ["mail:mailbox"]}
    made = program.post("/webhooks", body, token="clerk", **{"Idempotency-Key": "once"})
    assert made["secret"].startswith("whsec_")
    again = program.post("/webhooks", body, token="clerk", **{"Idempotency-Key": "once"})
    assert (again["id"], "secret" in again) == (made["id"], False)
    place = f"/webhooks/{made['id']}"
    shown = program.send("GET", place, token="clerk")
    changed = program.send("PATCH", place, token="clerk", json={"name": "Kadry"}, headers={"If-Match": '"old"'})
    assert changed.status_code == 412
    match = {"If-Match": shown.headers["ETag"]}
    assert program.send("PATCH", place, token="clerk", json={"name": "Kadry"}, headers=match).json["name"] == "Kadry"
    assert program.send("PATCH", place, token="clerk", json={"url": "x"}).json["errors"][0]["field"] == "url"
    assert program.post(f"{place}/rotate", token="clerk")["secret"] != made["secret"]
    program.mailbox()
    chainer()(SYSTEM)
    queue_events(SYSTEM)
    sent = program.get(f"{place}/deliveries", token="clerk")["items"]
    assert [one["tag"] for one in sent] == ["mail:mailbox:create"]
    one = program.get(f"{place}/deliveries/{sent[0]['id']}", token="clerk")
    assert one["payload"]["data"]["resource"]["name"] == "ala@info.wokiss.pl"
    assert program.send("GET", place, token="foreign").status_code == 404
    tested = program.send("POST", f"{place}/test", token="clerk")
    assert (tested.status_code, tested.json["tag"]) == (202, "webhooks:test")
    resent = program.send("POST", f"{place}/deliveries/{sent[0]['id']}/resend", token="clerk")
    assert resent.json["state"] == "queued"
    assert program.send("DELETE", place, token="clerk").json["active"] is False
    db.session.rollback()
    assert db.session.query(Delivery).count() == 0
