from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest

from panel.contracts.catalogue import ensure_catalogue
from panel.contracts.ending import make_tasks
from panel.contracts.entitlements import today
from panel.kernel.access import SYSTEM
from tests.api.program import Program, rows

PDF = b"%PDF-1.7 signed"
EMAIL = [{"service": "EMAIL", "quantity": 2}]


def test_a_contract_is_recorded_and_grants_at_once(program: Program) -> None:
    ensure_catalogue()
    answer = program.send("POST", "/contracts", json=_wanted(program))
    assert answer.status_code == 201
    item = answer.json["items"][0]
    assert (item["unit_price"], item["discount_percent"], item["total"]) == ("24.00", "12.50", "210.00")
    assert answer.json["status"] == "active"
    granted = program.get(f"/entitlements?member_id={program.world.smigiel.id}")["items"]
    assert {row["kind"]: row["granted"] for row in granted} == {"mailboxes": 11, "mailbox_mb": 11 * 1024}


def test_a_contract_is_amended_suspended_resumed_and_ended(program: Program) -> None:
    ensure_catalogue()
    path = f"/contracts/{program.post('/contracts', _wanted(program))['id']}"
    amendment = {"number": "A/1", "signed_on": "2026-02-01", "effective_on": "2026-03-01",
                 "items": [{"service": "DNS", "quantity": 2}]}  # fmt: skip
    made = program.send("POST", f"{path}/amendments", json=amendment)
    assert made.status_code == 201
    items = {item["service"]: item for item in program.get(path)["items"]}
    assert (items["DNS"]["starts_on"], items["DNS"]["amendment_id"]) == ("2026-03-01", made.json["id"])
    suspended = program.post(f"{path}/suspend", {"level": "no_send", "reason": "Zaległość"})
    assert suspended["suspension"] == {"level": "no_send", "reason": "Zaległość", "contact": ""}
    assert program.get("/contracts?status=suspended")["total"] == 1
    assert program.post(f"{path}/resume")["suspension"] is None
    assert program.post(f"{path}/end", {"ended_on": "2026-06-30"})["status"] == "ended"
    assert program.get(f"/contracts?member_id={program.world.smigiel.id}&status=ended")["total"] == 1


def test_steps_and_tasks_of_a_contract_are_planned_listed_and_settled(program: Program) -> None:
    ensure_catalogue()
    own = f"/contracts/{program.post('/contracts', _wanted(program))['id']}"
    day = (today() + timedelta(days=9)).isoformat()
    plan = {"steps": [{"level": "no_new", "takes_on": today().isoformat()}, {"level": "no_send", "takes_on": day}]}
    made = program.send("POST", f"{own}/steps", json=plan | {"reason": "Zaległość", "contact": "65 512"})
    assert [step["state"] for step in made.json["items"]] == ["taken", "planned"]
    assert program.get(own)["suspension"] == {"level": "no_new", "reason": "Zaległość", "contact": "65 512"}
    stopped = program.send("POST", "/orders", json={"member_id": str(program.world.smigiel.id), "items": EMAIL})
    assert (stopped.status_code, stopped.json["code"]) == (409, "member_held")
    assert "65 512" in stopped.json["detail"]
    step = program.get(f"{own}/steps")["items"][0]
    assert program.post(f"{own}/steps/{step['id']}/cancel")["suspension"] is None
    assert program.send("POST", f"{own}/steps/{step['id']}/cancel").status_code == 404
    program.post(f"{own}/end", {"ended_on": (today() + timedelta(days=3)).isoformat()})
    make_tasks(SYSTEM)
    task = program.get(f"{own}/tasks?state=open")["items"][0]
    done = program.post(f"{own}/tasks/{task['id']}/done", {"note": "Przedłużona"})
    assert (done["state"], done["step"], done["note"]) == ("done", 30, "Przedłużona")
    assert program.send("POST", f"{own}/tasks/{task['id']}/done", json={"note": "x"}).status_code == 409


def test_an_order_is_sent_approved_refused_and_withdrawn(program: Program) -> None:
    ensure_catalogue()
    asked = {"member_id": str(program.world.smigiel.id), "items": EMAIL, "note": "Referat"}
    changed = program.send("POST", "/orders", json=asked | {"total": "1.00"})
    assert (changed.status_code, changed.json["code"]) == (409, "prices_changed")
    made = program.send("POST", "/orders", json=asked | {"total": "48.00"})
    assert (made.status_code, made.json["state"], made.json["total"]) == (201, "sent", "48.00")
    path = made.headers["Location"].removeprefix("/api/v1")
    approved = program.post(f"{path}/approve", {"number": "5/2026", "effective_on": today().isoformat()})
    assert (approved["state"], approved["granted_by"] is not None) == ("live", True)
    assert program.send("POST", f"{path}/refuse", json={"reason": "nie"}).json["code"] == "order_state"
    draft = program.post("/orders", asked | {"draft": True})
    assert program.post(f"/orders/{draft['id']}/send", {"total": "48.00"})["state"] == "sent"
    assert program.post(f"/orders/{draft['id']}/refuse", {"reason": "Brak"})["reason"] == "Brak"
    third = program.post("/orders", asked)
    assert program.post(f"/orders/{third['id']}/withdraw")["state"] == "withdrawn"
    assert program.get("/orders?state=refused&search=smigiel")["total"] == 1


def test_a_correction_of_what_somebody_else_changed_is_refused(program: Program) -> None:
    ensure_catalogue()
    made = program.send("POST", "/contracts", json=_wanted(program))
    path, seen = f"/contracts/{made.json['id']}", {"If-Match": made.headers["ETag"]}
    assert program.send("PATCH", path, json={"notice_days": 30}, headers=seen).json["notice_days"] == 30
    assert program.send("PATCH", path, json={"notice_days": 60}, headers=seen).status_code == 412
    assert program.get(path)["notice_days"] == 30


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"number": ""}, "number"),
        ({"signed_on": "2026-02-30"}, "signed_on"),
        ({"signed_on": "yesterday"}, "signed_on"),
        ({"signed_on": 20260101}, "signed_on"),
        ({"ends_on": "2025-01-01"}, "ends_on"),
        ({"notice_days": -1}, "notice_days"),
        ({"notice_days": 1.5}, "notice_days"),
        ({"items": []}, "items"),
        ({"items": [{"service": "EMAIL"}]}, "items.0.quantity"),
        ({"items": [{"service": "EMAIL", "quantity": 0}]}, "items.0.quantity"),
        ({"items": [{"service": "COFFEE", "quantity": 1}]}, "items.0.service"),
        ({"items": [{"service": "EMAIL", "quantity": 1, "unit_price": 1.1}]}, "items.0.unit_price"),
        ({"items": [{"service": "EMAIL", "quantity": 1, "unit_price": "-1.00"}]}, "items.0.unit_price"),
        ({"items": [{"service": "EMAIL", "quantity": 1, "discount_percent": "101.00"}]}, "items.0.discount_percent"),
        ({"member_id": "01a206ef-72bd-7499-b319-db665e6b02c0"}, "member_id"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_written(standing: Program, bad: dict[str, Any], field: str) -> None:
    ensure_catalogue()
    before = rows()
    answer = standing.send("POST", "/contracts", json=_wanted(standing) | bad)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert rows() == before


def test_a_signed_scan_is_kept_and_given_back(program: Program) -> None:
    ensure_catalogue()
    path = f"/contracts/{program.post('/contracts', _wanted(program))['id']}"
    made = program.send("POST", f"{path}/attachments", data={"file": (io.BytesIO(PDF), "../umowa ąę.pdf")})
    assert made.status_code == 201
    assert (made.json["file_name"], made.json["media_type"], made.json["size"]) == (
        "umowa ąę.pdf",
        "application/pdf",
        15,
    )
    read = program.send("GET", made.headers["Location"].removeprefix("/api/v1"))
    assert (read.status_code, read.content, read.content_type) == (200, PDF, "application/pdf")
    assert read.headers["Content-Disposition"].startswith("attachment")
    assert program.send("GET", made.headers["Location"].removeprefix("/api/v1"), token="clerk").status_code == 404


@pytest.mark.parametrize("data", [{}, {"file": (b"MZ program", "a.pdf")}, {"scan": (PDF, "a.pdf")}])
def test_what_is_no_scan_names_the_field(program: Program, data: dict[str, Any]) -> None:
    ensure_catalogue()
    path = f"/contracts/{program.post('/contracts', _wanted(program))['id']}"
    form = {name: (io.BytesIO(content), file) for name, (content, file) in data.items()}
    answer = program.send("POST", f"{path}/attachments", data=form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "file"


def test_a_member_reads_its_own_contracts_and_changes_none(standing: Program) -> None:
    own = standing.get("/contracts", token="clerk")
    assert own["total"] == 1
    path = f"/contracts/{own['items'][0]['id']}"
    assert standing.send("GET", path, token="foreign").status_code == 404
    assert standing.send("POST", f"{path}/resume", token="clerk").status_code == 403


def _wanted(program: Program) -> dict[str, Any]:
    items = [{"service": "EMAIL", "quantity": 10, "discount_percent": "12.50"}]
    return {"number": "CIS/2026/77", "member_id": str(program.world.smigiel.id), "signed_on": "2025-12-20",
            "starts_on": "2026-01-01", "items": items}  # fmt: skip
