"""Pages of contracts: rows of services, what will happen before it happens, and signed scans."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.contracts.actions import attach_scan, update_contract
from panel.contracts.catalogue import ensure_catalogue
from panel.contracts.entitlements import today
from panel.contracts.models import Attachment, Contract
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from tests.web.sending import fields_at_fault, rows_of_everything, send
from tests.web.site import Site, token_in
from tests.worlds import grant

FIRST_PAGE = {"number": "CIS/2026/77", "signed_on": "2026-01-02", "starts_on": "2026-01-15", "notice_days": "90"}
ROW = {"items.0.service": "EMAIL", "items.0.quantity": "12"}


@pytest.fixture
def site(site: Site) -> Site:
    ensure_catalogue()
    db.session.commit()
    return site


def test_a_new_contract_is_recorded_with_its_rows_and_shown_with_totals(site: Site) -> None:
    client = site.client(site.admin)
    prices = {
        "items.1.service": "DNS",
        "items.1.quantity": "1 000",
        "items.1.unit_price": "1,50",
        "items.1.discount_percent": "10",
    }
    answer = send(client, new_path(site), FIRST_PAGE | ROW | prices)
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "CIS/2026/77" in page
    assert words(page).count("1 350,00 zł") == 1, "1,000 at 1.50 less a tenth"
    assert "1 638,00 zł" in words(page), "both together"
    assert "1 stycznia" not in page
    assert "15 stycznia 2026" in page


def test_dates_may_be_typed_as_people_write_them(site: Site) -> None:
    send(
        site.client(site.admin), new_path(site), FIRST_PAGE | ROW | {"starts_on": "15.01.2026", "ends_on": "31.12.2027"}
    )
    assert (contract().starts_on, contract().ends_on) == (date(2026, 1, 15), date(2027, 12, 31))


def test_another_row_keeps_what_was_typed_and_records_nothing(site: Site) -> None:
    before = rows_of_everything()
    answer = send(site.client(site.admin), new_path(site), FIRST_PAGE | three_rows() | ROW | {"add_row": "1"})
    assert answer.status_code == 200
    assert 'name="items.3.service"' in answer.text
    assert 'value="CIS/2026/77"' in answer.text
    assert re.search(r'<option selected value="EMAIL"', answer.text)
    assert rows_of_everything() == before


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"number": ""}, {"number"}),
        ({"number": "a\x07b"}, {"number"}),
        ({"starts_on": "wkrótce"}, {"starts_on"}),
        ({"starts_on": "2026-02-30"}, {"starts_on"}),
        ({"ends_on": "2025-12-31"}, {"ends_on"}),
        ({"notice_days": "-1"}, {"notice_days"}),
        ({"notice_days": "0.5"}, {"notice_days"}),
        ({"items.0.quantity": "0"}, {"items.0.quantity"}),
        ({"items.0.quantity": "x"}, {"items.0.quantity"}),
        ({"items.0.unit_price": "-1"}, {"items.0.unit_price"}),
        ({"items.0.unit_price": "NaN"}, {"items.0.unit_price"}),
        ({"items.0.unit_price": "1e3x"}, {"items.0.unit_price"}),
        ({"items.0.discount_percent": "101"}, {"items.0.discount_percent"}),
        ({"items.0.service": "TELEGRAF"}, {"items.0.service"}),
        ({"items.0.service": "", "items.0.quantity": ""}, {"items"}),
    ],
)
def test_what_is_wrong_is_told_at_its_field(site: Site, fields: dict[str, str], faults: set[str]) -> None:
    before = rows_of_everything()
    answer = send(site.client(site.admin), new_path(site), FIRST_PAGE | ROW | fields)
    assert answer.status_code == 422
    assert fields_at_fault(answer.text) == faults
    assert rows_of_everything() == before


def test_an_error_stands_in_the_row_it_is_about_although_empty_rows_come_before(site: Site) -> None:
    rows = three_rows() | {"items.2.service": "DNS", "items.2.quantity": "0"}
    answer = send(site.client(site.admin), new_path(site), FIRST_PAGE | rows)
    assert fields_at_fault(answer.text) == {"items.2.quantity"}


def test_a_number_in_use_is_told(site: Site) -> None:
    taken = grant(site.world.koscian, mailboxes=1).number
    answer = send(site.client(site.admin), new_path(site), FIRST_PAGE | ROW | {"number": taken})
    assert fields_at_fault(answer.text) == {"number"}


def test_an_amendment_adds_services_from_its_own_day(site: Site) -> None:
    client = site.client(site.admin)
    own = path_of(a_contract(site))
    next_month = (today() + timedelta(days=30)).isoformat()
    fields = {"number": "1", "signed_on": "2026-02-01", "effective_on": next_month, "note": "Więcej skrzynek"}
    assert send(client, f"{own}/amend", fields | ROW).status_code == 303
    page = client.get(own).text
    assert "Więcej skrzynek" in page
    assert "dziś nie obowiązuje" in page


def test_suspending_shows_what_will_happen_and_waits_for_the_second_answer(site: Site) -> None:
    client, own = site.client(site.admin), path_of(a_contract(site))
    before = rows_of_everything()
    asked = {"level": "no_login", "reason": "Zaległość"}
    plan = send(client, f"{own}/suspend", asked)
    assert plan.status_code == 200
    assert "Co się stanie" in plan.text
    assert re.search(r"Skrzynki</th>.*?1 013.*?1 001", words(plan.text), re.DOTALL)
    assert rows_of_everything() == before
    assert contract().suspended is None
    confirmed = send(client, f"{own}/suspend", asked | {"confirmed": "1"})
    assert confirmed.status_code == 303
    page = client.get(own).text
    assert "Zaległość" in page
    send(client, f"{own}/resume")
    assert contract().suspended is None


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"level": "no_new", "reason": ""}, "reason"),
        ({"level": "everything", "reason": "x"}, "level"),
        ({"level": "no_new", "reason": "a" * 300}, "reason"),
    ],
)
def test_a_suspension_without_sense_is_refused(site: Site, fields: dict[str, str], fault: str) -> None:
    own = path_of(a_contract(site))
    answer = send(site.client(site.admin), f"{own}/suspend", fields | {"confirmed": "1"})
    assert answer.status_code == 422
    assert fault in fields_at_fault(answer.text)
    assert contract().suspended is None


def test_ending_asks_first_and_the_last_day_counts(site: Site) -> None:
    client, own = site.client(site.admin), path_of(a_contract(site))
    last = {"ended_on": today().isoformat()}
    assert "ostatni dzień umowy" in send(client, f"{own}/end", last).text
    assert contract().ended_on is None
    send(client, f"{own}/end", last | {"confirmed": "1"})
    assert contract().ended_on == today()
    before_it_began = send(client, f"{own}/end", {"ended_on": "2020-01-01", "confirmed": "1"})
    assert fields_at_fault(before_it_began.text) == {"ended_on"}


def test_data_corrected_meanwhile_is_shown(site: Site) -> None:
    made = a_contract(site)
    client, own = site.client(site.admin), path_of(made)
    page = client.get(f"{own}/edit").text
    fields = FIRST_PAGE | {"number": "CIS/2026/78", "version": str(made.version), "csrf_token": token_in(page)}
    update_contract(SYSTEM, made.id, notice_days=30)
    db.session.commit()
    answer = client.post(f"{own}/edit", data=fields)
    assert answer.status_code == 422
    assert "<dd>30</dd>" in answer.text, "what the other one saved"
    assert 'value="CIS/2026/78"' in answer.text
    assert contract().number == "CIS/2026/77"


def test_a_scan_is_kept_and_given_back_as_a_download(site: Site) -> None:
    client, made = site.client(site.admin), a_contract(site)
    content = b"%PDF-1.7 signed"
    sent = send(client, f"{path_of(made)}/scans", {"file": (io.BytesIO(content), "../../umowa ś.pdf")})
    assert sent.status_code == 303
    db.session.rollback()
    scan = db.session.scalars(select(Attachment)).one()
    answer = client.get(f"/contracts/scans/{scan.id}", buffered=True)
    assert answer.data == content
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert ".." not in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("content", [b"", b"<script>alert(1)</script>", b"MZ\x90\x00", b"\x89PNG"])
def test_what_is_no_scan_is_refused(site: Site, content: bytes) -> None:
    made = a_contract(site)
    before = rows_of_everything()
    answer = send(site.client(site.admin), f"{path_of(made)}/scans", {"file": (io.BytesIO(content), "umowa.pdf")})
    assert answer.status_code == 422
    assert fields_at_fault(answer.text) == {"file"}
    assert rows_of_everything() == before


def test_a_clerk_reads_its_own_contracts_and_changes_none(site: Site) -> None:
    own, foreign = a_contract(site), grant(site.world.smigiel, mailboxes=3)
    scan = attach_scan(SYSTEM, foreign.id, file_name="a.pdf", content=b"%PDF-1.7")
    db.session.commit()
    client = site.client(site.clerk)
    assert own.number in client.get("/contracts/").text
    assert foreign.number not in client.get("/contracts/").text
    assert foreign.number not in client.get("/contracts/contracts.csv", buffered=True).text
    page = client.get(path_of(own)).text
    assert "/amend" not in page
    assert client.get(path_of(foreign)).status_code == 404
    assert client.get(f"/contracts/scans/{scan.id}").status_code == 404
    token = token_in(client.get("/account").text)
    before = rows_of_everything()
    for action in ("edit", "amend", "suspend", "resume", "end", "scans"):
        assert client.get(f"{path_of(own)}/{action}").status_code == 403, action
        assert client.post(f"{path_of(own)}/{action}", data={"csrf_token": token}).status_code == 403, action
    assert client.get("/contracts/services").status_code == 200
    assert rows_of_everything() == before


@pytest.mark.parametrize(
    ("status", "number"), [("expiring", "CIS/2025/7"), ("suspended", "CIS/2025/8"), ("ended", "CIS/2024/1")]
)
def test_chips_narrow_the_list(full_site: Site, status: str, number: str) -> None:
    assert numbers(full_site.client(full_site.admin), f"/contracts/?status={status}") == [number]


def test_search_finds_by_number_and_by_member(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    assert numbers(client, "/contracts/?search=2025/7") == ["CIS/2025/7"]
    assert len(numbers(client, "/contracts/?search=kosc")) == 4
    assert numbers(client, "/contracts/?search=smigiel") == []


def a_contract(site: Site) -> Contract:
    answer = send(site.client(site.admin), new_path(site), FIRST_PAGE | ROW)
    assert answer.status_code == 303
    return contract()


def contract() -> Contract:
    db.session.rollback()
    query = select(Contract).where(Contract.number == "CIS/2026/77").execution_options(populate_existing=True)
    return db.session.scalars(query).one()


def path_of(made: Contract) -> str:
    return f"/contracts/{made.id}"


def new_path(site: Site) -> str:
    return f"/contracts/new?member={site.world.koscian.id}"


def three_rows() -> dict[str, Any]:
    names = ("service", "quantity", "unit_price", "discount_percent", "starts_on", "ends_on")
    return {f"items.{row}.{name}": "" for row in range(3) for name in names}


def numbers(client: FlaskClient, path: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*><a href="/contracts/[0-9a-f-]+">([^<]+)</a>', client.get(path).text)


def words(page: str) -> str:
    """Return the page with all its kinds of spaces made plain."""
    return page.replace("\u00a0", " ").replace("\u202f", " ")
