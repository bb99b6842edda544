"""Orders: from a member's draft to what can be used."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from panel.contracts.actions import end_contract, suspend_contract
from panel.contracts.catalogue import ensure_catalogue
from panel.contracts.entitlements import entitlements, today
from panel.contracts.models import Contract, Service
from panel.contracts.orders import (
    Order,
    approve_order,
    create_order,
    get_order,
    orders_query,
    refuse_order,
    send_order,
    start_orders,
    total_of,
    withdraw_order,
)
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger.notices import Notice
from tests.worlds import World, actor, grant
from tests.writers import at_once

ITEMS = [{"service": "EMAIL", "quantity": 5}, {"service": "DNS", "quantity": 1}]


@pytest.fixture(autouse=True)
def catalogue(world: World) -> None:
    ensure_catalogue()


def test_an_order_walks_from_the_member_to_an_amendment_that_grants(world: World, on: Callable[[date], None]) -> None:
    who, staff = world.member_admin(world.koscian), actor("provisioner")
    contract, before = grant(world.koscian, lists=1), _granted(world, "mailboxes")
    order = create_order(who, member_id=world.koscian.id, contract_id=contract.id, items=ITEMS, note="Nowy referat")
    assert (order.state, order.number) == ("draft", f"ZAM/{today().year}/00001")
    assert list(db.session.scalars(orders_query(staff))) == [], "a draft is the member's own"
    send_order(who, order.id, total=Decimal("180.00"))
    assert total_of(order.items) == Decimal("180.00")
    start = today() + timedelta(days=10)
    approve_order(staff, order.id, number="Aneks 1", effective_on=start)
    assert (order.state, order.granted_by_id) == ("approved", contract.id)
    assert _granted(world, "mailboxes") == before
    assert start_orders(SYSTEM) == 0
    on(start)
    assert (start_orders(SYSTEM), start_orders(SYSTEM)) == (1, 0)
    assert order.state == "live"
    assert _granted(world, "mailboxes", start) == before + 5
    assert [(amendment.number, amendment.note) for amendment in contract.amendments] == [("Aneks 1", order.number)]
    told = db.session.scalars(select(Notice).where(Notice.code.startswith("order:")).order_by(Notice.id)).all()
    assert [(notice.code, notice.member_id, notice.permission) for notice in told] == [
        ("order:sent", None, "orders:approve"), ("order:approved", world.koscian.id, "orders:read")]  # fmt: skip


def test_without_a_contract_a_new_one_is_made_and_grants_at_once(world: World) -> None:
    order = _sent(world)
    approve_order(SYSTEM, order.id, number="7/2026", effective_on=today(), ends_on=today() + timedelta(days=365))
    assert order.state == "live"
    made = db.session.get_one(Contract, order.granted_by_id)
    assert (made.number, made.member_id, len(made.items)) == ("7/2026", world.koscian.id, 2)


@pytest.mark.one_database
def test_what_may_not_be_ordered_is_refused_in_words(world: World) -> None:
    who = world.member_admin(world.koscian)
    ask = partial(create_order, who, member_id=world.koscian.id)
    bad: list[tuple[Any, str, str]] = [
        ([], "required", "items"),
        ([{"service": "TELEGRAF", "quantity": 1}], "unknown_service", "items.0.service"),
        ([{"service": "EMAIL", "quantity": 0}], "number_range", "items.0.quantity"),
        ([{"service": "EMAIL", "quantity": 10**9}], "number_range", "items.0.quantity"),
        ([{"service": "EMAIL", "quantity": "2"}], "number_range", "items.0.quantity"),
    ]
    for items, code, field in bad:
        with pytest.raises(Invalid) as refused:
            ask(items=items)
        assert (refused.value.code, refused.value.field) == (code, field)
    with pytest.raises(Invalid):
        ask(items=ITEMS, note="a\x00b")
    with pytest.raises(NotFound):
        create_order(who, member_id=world.smigiel.id, items=ITEMS)
    with pytest.raises(NotFound):
        ask(items=ITEMS, contract_id=grant(world.smigiel, lists=1).id)
    with pytest.raises(NotAllowed):
        create_order(actor("member_editor", world.koscian), member_id=world.koscian.id, items=ITEMS)
    over = grant(world.koscian, lists=1)
    end_contract(SYSTEM, over.id, ended_on=today() - timedelta(days=1))
    with pytest.raises(Conflict) as late:
        ask(items=ITEMS, contract_id=over.id)
    assert late.value.code == "contract_over"
    suspend_contract(SYSTEM, grant(world.koscian, lists=1).id, level="no_new", reason="Zaległość")
    with pytest.raises(Conflict) as held:
        ask(items=ITEMS)
    assert held.value.code == "member_held"
    assert db.session.scalar(select(Order)) is None


def test_prices_that_changed_meanwhile_are_shown_again(world: World) -> None:
    who = world.member_admin(world.koscian)
    order = create_order(who, member_id=world.koscian.id, items=ITEMS)
    with unit_of_work():
        db.session.get_one(Service, "EMAIL").price = Decimal(30)
    with pytest.raises(Conflict) as changed:
        send_order(who, order.id, total=Decimal("180.00"))
    assert (changed.value.code, changed.value.params["total"]) == ("prices_changed", "210.00")
    assert get_order(who, order.id).state == "draft"
    send_order(who, order.id, total=Decimal("210.00"))
    with unit_of_work():
        db.session.get_one(Service, "EMAIL").price = Decimal(99)
    approve_order(SYSTEM, order.id, number="7/2026", effective_on=today())
    made = db.session.get_one(Contract, order.granted_by_id)
    assert made.items[0].unit_price == Decimal(30), "what was sent is what holds"


def test_who_is_not_asked_decides_nothing(world: World) -> None:
    order = _sent(world)
    for who in (world.member_admin(world.koscian), actor("support")):
        with pytest.raises(NotAllowed):
            approve_order(who, order.id, number="1", effective_on=today())
        with pytest.raises(NotAllowed):
            refuse_order(who, order.id, reason="nie")
    with pytest.raises(NotFound):
        withdraw_order(world.member_admin(world.smigiel), order.id)
    with pytest.raises(NotAllowed):
        withdraw_order(actor("member_editor", world.koscian), order.id)
    refuse_order(SYSTEM, order.id, reason="Brak środków")
    for again in (
        partial(approve_order, SYSTEM, order.id, number="1", effective_on=today()),
        partial(withdraw_order, world.member_admin(world.koscian), order.id),
        partial(send_order, world.member_admin(world.koscian), order.id),
    ):
        with pytest.raises(Conflict) as late:
            again()
        assert late.value.code == "order_state"


def test_of_all_who_decide_at_once_one_does_and_a_form_sent_twice_is_one_order(world: World) -> None:
    order = _sent(world)
    done = at_once(
        world.app,
        [
            *[partial(approve_order, SYSTEM, order.id, number=f"{n}/2026", effective_on=today()) for n in range(3)],
            partial(refuse_order, SYSTEM, order.id, reason="nie"),
            partial(withdraw_order, SYSTEM, order.id),
        ],
    )
    assert Counter(type(one).__name__ for one in done) == {"Order": 1, "Conflict": 4}, done
    again = partial(create_order, SYSTEM, member_id=world.koscian.id, items=ITEMS, ticket=uuid.uuid4())
    made = at_once(world.app, [again] * 3)
    assert len({one.id for one in made if isinstance(one, Order)}) == 1, made


def _sent(world: World) -> Order:
    who = world.member_admin(world.koscian)
    return send_order(who, create_order(who, member_id=world.koscian.id, items=ITEMS).id)


def _granted(world: World, kind: str, on: date | None = None) -> int:
    return {row.kind: row.granted for row in entitlements(SYSTEM, world.koscian.id, on=on)}[kind]
