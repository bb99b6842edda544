from __future__ import annotations

import io
import json
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from panel.api.models import KeptAnswer
from panel.kernel.db import db, unit_of_work, utcnow
from panel.ledger.jobs import Job
from panel.mail.models import Mailbox
from tests.api.program import Program, Reply
from tests.worlds import grant

KEY = {"Idempotency-Key": "order-66"}


def test_a_request_sent_twice_is_done_once_and_answered_alike_but_for_its_secret(program: Program) -> None:
    first, second = _ask(program), _ask(program)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.status_code == first.status_code == 202
    assert second.headers["Location"] == first.headers["Location"]
    secret = first.json["activation"].pop("link")
    assert second.json == first.json
    assert _count(Mailbox) == _count(KeptAnswer) == 1
    assert secret.rpartition("/")[2] not in json.dumps(db.session.scalar(select(KeptAnswer.body)))


def test_a_repetition_warns_alike_and_shows_the_mailbox_as_it_is_by_now(program: Program) -> None:
    grant(program.world.smigiel, mailboxes=1, mailbox_mb=1024)
    other = {"member_id": str(program.world.smigiel.id), "address": "a.la@info.wokiss.pl"}
    assert _ask(program, headers={"Idempotency-Key": "other"}, **other).status_code == 202
    first, second = _ask(program), _ask(program, headers={"Accept-Language": "en"})
    assert [[one["code"] for one in reply.json["warnings"]] for reply in (first, second)] == [["near_double"]] * 2
    assert second.json["warnings"] != first.json["warnings"], "in the language asked for"
    with unit_of_work():
        mine = update(Mailbox).where(Mailbox.id == uuid.UUID(first.json["id"]))
        db.session.execute(mine.values(seen_generation=1, applied_generation=1, seen_at=utcnow()))
    again = _ask(program, headers={"Prefer": "wait=5"})
    assert (again.status_code, again.json["state"]) == (201, "active")


def test_the_same_key_with_another_body_is_refused(program: Program) -> None:
    _ask(program)
    other = _ask(program, address="ola@info.wokiss.pl")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_reused")
    assert _count(Mailbox) == 1


def test_a_file_sent_again_is_taken_once_and_another_file_is_another_request(program: Program) -> None:
    def send(*lines: str) -> Reply:
        form = {"kind": "mailboxes", "member_id": str(program.world.koscian.id)}
        file = (io.BytesIO("\n".join(["adres", *lines]).encode()), "skrzynki.csv")
        return program.send("POST", "/imports", data=form | {"file": file}, headers=KEY)

    first, second, other = send("ala@info.wokiss.pl"), send("ala@info.wokiss.pl"), send("ola@info.wokiss.pl")
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (second.status_code, second.json) == (201, first.json)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_reused")
    assert program.get(f"/imports/{first.json['id']}")["rows"][0]["values"] == {"address": "ala@info.wokiss.pl"}
    assert program.get("/imports")["total"] == 1


def test_the_same_key_on_another_address_is_another_request(program: Program) -> None:
    made = _ask(program).json
    other = program.send("POST", f"/mailboxes/{made['id']}/suspend", headers=KEY)
    assert other.json["code"] == "idempotency_reused"


def test_keys_of_different_tokens_do_not_meet(program: Program) -> None:
    _ask(program)
    assert _ask(program, token="clerk", address="ola.miasto-koscian@info.wokiss.pl").status_code == 202
    assert _count(Mailbox) == 2


def test_a_refused_request_keeps_no_answer_and_may_be_corrected(program: Program) -> None:
    assert _ask(program, quota_mb=0).status_code == 422
    assert _count(KeptAnswer) == 0
    assert _ask(program).status_code == 202


def test_after_a_day_the_key_is_free(program: Program) -> None:
    _ask(program)
    with unit_of_work():
        db.session.execute(update(KeptAnswer).values(created_at=utcnow() - timedelta(hours=25)))
    assert _ask(program, address="ola@info.wokiss.pl").status_code == 202
    assert _count(KeptAnswer) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "\u00e9"])
def test_what_is_no_key_is_refused(standing: Program, key: str) -> None:
    reply = _ask(standing, headers={"Idempotency-Key": key})
    assert (reply.status_code, reply.json["code"]) == (422, "idempotency_key")


def test_a_tokens_secret_is_not_kept(program: Program) -> None:
    first, second = (program.send("POST", "/tokens", json={"role": "auditor"}, headers=KEY) for _ in range(2))
    assert first.json["token"].startswith("cis_")
    assert "token" not in second.json
    assert second.json["id"] == first.json["id"]


def test_of_many_at_once_one_is_done(anywhere: Program) -> None:
    replies: list[Reply] = []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        replies.append(_ask(anywhere))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [reply for reply in replies if reply.status_code == 202]
    assert {reply.status_code for reply in replies} <= {202, 409}
    assert {reply.json["code"] for reply in replies if reply.status_code == 409} <= {"in_flight"}
    assert len({reply.json["id"] for reply in taken}) == 1
    assert sum("Idempotency-Replayed" not in reply.headers for reply in taken) == 1
    assert _count(Mailbox) == _count(KeptAnswer) == 1
    assert db.session.scalar(select(func.count()).where(Job.cause == "mail:mailbox:create")) == 1


def _ask(program: Program, *, token: str = "admin", headers: dict[str, str] | None = None, **more: Any) -> Reply:
    body = {"member_id": str(program.world.koscian.id), "address": "ala@info.wokiss.pl"} | more
    return program.send("POST", "/mailboxes", token=token, json=body, headers=KEY | (headers or {}))


def _count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0
