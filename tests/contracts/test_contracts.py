"""Contracts, and what they grant on a day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from panel.contracts.actions import (
    SCAN_BYTES_MAX,
    add_amendment,
    attach_scan,
    contracts_query,
    create_contract,
    end_contract,
    get_contract,
    read_scan,
    resume_contract,
    suspend_contract,
    update_contract,
)
from panel.contracts.catalogue import ensure_catalogue
from panel.contracts.entitlements import entitlements, today
from panel.contracts.models import Contract
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.mail.actions import create_mailbox
from tests.worlds import SHARED, World, actor

START = date(2026, 1, 1)


@pytest.fixture(autouse=True)
def catalogue(world: World) -> None:
    ensure_catalogue()


def test_membership_alone_grants_the_statutory_address(world: World) -> None:
    assert _granted(world, START) == {"mailboxes": 1, "mailbox_mb": 1024}


def test_overlapping_contracts_add_up_and_only_while_they_hold(world: World) -> None:
    alone = _granted(world, START)["mailboxes"]
    _contract(world, "1/2026", starts_on=date(2026, 2, 1), ends_on=date(2026, 12, 31), quantity=10)
    _contract(world, "2/2026", starts_on=date(2026, 6, 1), ends_on=date(2027, 5, 31), quantity=5)
    one = _granted(world, date(2026, 2, 1))["mailboxes"] - alone
    assert one > 0
    assert _granted(world, date(2026, 1, 31))["mailboxes"] == alone
    assert _granted(world, date(2026, 6, 1))["mailboxes"] - alone == one + one // 2
    assert _granted(world, date(2026, 12, 31))["mailboxes"] - alone == one + one // 2
    assert _granted(world, date(2027, 1, 1))["mailboxes"] - alone == one // 2
    assert _granted(world, date(2027, 6, 1))["mailboxes"] == alone


def test_an_amendment_grants_from_its_own_day(world: World) -> None:
    contract = _contract(world, "1/2026", starts_on=START, quantity=1)
    before = _granted(world, START)["mailboxes"]
    add_amendment(
        SYSTEM,
        contract.id,
        number="A1",
        signed_on=date(2026, 3, 1),
        effective_on=date(2026, 4, 1),
        items=[{"service": "EMAIL", "quantity": 3}],
    )
    assert _granted(world, date(2026, 3, 31))["mailboxes"] == before
    assert _granted(world, date(2026, 4, 1))["mailboxes"] > before


def test_a_suspended_or_ended_contract_grants_nothing(world: World) -> None:
    contract = _contract(world, "1/2026", starts_on=START, quantity=1)
    assert _granted(world, today())["mailboxes"] > 1
    suspend_contract(SYSTEM, contract.id, level="no_new", reason="unpaid")
    assert _granted(world, today())["mailboxes"] == 1
    assert contract.status(today()) == "suspended"
    resume_contract(SYSTEM, contract.id)
    assert _granted(world, today())["mailboxes"] > 1
    end_contract(SYSTEM, contract.id, ended_on=today() - timedelta(days=1))
    assert _granted(world, today())["mailboxes"] == 1
    assert contract.status(today()) == "ended"


def test_what_is_used_stands_beside_what_is_granted(world: World) -> None:
    create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"smigiel@{SHARED}")
    rows = {row.kind: row for row in entitlements(SYSTEM, world.smigiel.id)}
    assert (rows["mailboxes"].granted, rows["mailboxes"].used) == (1, 1)


def test_a_contract_about_to_end_is_called_expiring(world: World) -> None:
    contract = _contract(world, "1/2026", starts_on=START, ends_on=today() + timedelta(days=30), quantity=1)
    assert contract.status(today()) == "expiring"
    found = db.session.scalars(contracts_query(SYSTEM, status="expiring"))
    assert [row.number for row in found] == ["1/2026"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", ""),
        ("number", "a\x00b"),
        ("number", "x" * 300),
        ("signed_on", "2026-01-01"),
        ("starts_on", None),
        ("ends_on", date(2025, 1, 1)),
        ("notice_days", -1),
        ("notice_days", 0.5),
        ("member_id", "nobody"),
        ("colour", "red"),
    ],
)
def test_bad_values_are_named(world: World, field: str, value: Any) -> None:
    values = {"number": "1/2026", "member_id": world.smigiel.id, "signed_on": START, "starts_on": START, field: value}
    with pytest.raises(Invalid) as refused:
        create_contract(SYSTEM, items=[{"service": "EMAIL", "quantity": 1}], **values)
    assert refused.value.field == field
    assert not list(db.session.scalars(contracts_query(SYSTEM, member_id=world.smigiel.id)))


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("field", "item"),
    [
        ("items.0.service", {"service": "NIC", "quantity": 1}),
        ("items.0.quantity", {"service": "EMAIL", "quantity": 0}),
        ("items.0.unit_price", {"service": "EMAIL", "quantity": 1, "unit_price": "1.005"}),
        ("items.0.discount_percent", {"service": "EMAIL", "quantity": 1, "discount_percent": "101"}),
    ],
)
def test_bad_items_are_named(world: World, field: str, item: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        create_contract(
            SYSTEM, number="1/2026", member_id=world.smigiel.id, signed_on=START, starts_on=START, items=[item]
        )
    assert refused.value.field == field


def test_a_number_is_given_once(world: World) -> None:
    _contract(world, "1/2026", starts_on=START, quantity=1)
    with pytest.raises(Conflict) as refused:
        _contract(world, "1/2026", starts_on=START, quantity=1)
    assert refused.value.field == "number"


def test_a_change_to_what_somebody_changed_meanwhile_is_refused(world: World) -> None:
    contract = _contract(world, "1/2026", starts_on=START, quantity=1)
    read = contract.version
    update_contract(SYSTEM, contract.id, version=read, notice_days=30)
    with pytest.raises(Conflict) as refused:
        update_contract(SYSTEM, contract.id, version=read, notice_days=60)
    assert refused.value.code == "stale"
    assert contract.notice_days == 30


def test_the_price_of_an_item_counts_its_discount(world: World) -> None:
    item = {"service": "EMAIL", "quantity": 3, "unit_price": "10.00", "discount_percent": "50"}
    contract = create_contract(
        SYSTEM, number="1/2026", member_id=world.smigiel.id, signed_on=START, starts_on=START, items=[item]
    )
    assert contract.items[0].total() == Decimal("15.00")


def test_a_scan_is_kept_as_it_came(world: World) -> None:
    contract = _contract(world, "1/2026", starts_on=START, quantity=1)
    scan = attach_scan(SYSTEM, contract.id, file_name="../../umowa.pdf", content=b"%PDF-1.7 signed")
    kept, path = read_scan(SYSTEM, scan.id)
    assert (kept.file_name, path.read_bytes()) == ("umowa.pdf", b"%PDF-1.7 signed")
    assert path.stat().st_mode & 0o777 == 0o600
    for content in (b"<html>", b"%PDF-" + b"x" * SCAN_BYTES_MAX):
        with pytest.raises(Invalid) as refused:
            attach_scan(SYSTEM, contract.id, file_name="umowa.pdf", content=content)
        assert refused.value.field == "file"


def test_a_member_reads_its_own_contracts_and_changes_none(world: World) -> None:
    contract = _contract(world, "1/2026", starts_on=START, quantity=1)
    assert get_contract(actor("member_admin", world.smigiel), contract.id) is contract
    with pytest.raises(NotAllowed):
        suspend_contract(actor("member_admin", world.smigiel), contract.id, level="closed", reason="x")
    with pytest.raises(NotFound):
        get_contract(actor("member_admin", world.koscian), contract.id)


def _contract(world: World, number: str, *, starts_on: date, ends_on: date | None = None, quantity: int) -> Contract:
    return create_contract(
        SYSTEM,
        number=number,
        member_id=world.smigiel.id,
        signed_on=START,
        starts_on=starts_on,
        ends_on=ends_on,
        items=[{"service": "EMAIL", "quantity": quantity}],
    )


def _granted(world: World, on: date) -> dict[str, int]:
    rows = entitlements(SYSTEM, world.smigiel.id, on=on)
    return {row.kind: row.granted for row in rows if row.kind in ("mailboxes", "mailbox_mb")}
