"""Pages of orders, steps and tasks: each tells one story as a person would go through it."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from panel.contracts.actions import create_contract, suspend_contract, update_contract
from panel.contracts.catalogue import ensure_catalogue
from panel.contracts.ending import make_tasks
from panel.contracts.entitlements import today
from panel.contracts.models import Contract, Service
from panel.contracts.orders import Order, create_order
from panel.contracts.steps import ContractStep
from panel.contracts.usage_days import UsageDay
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from tests.web.sending import fields_at_fault, send
from tests.web.site import Site, token_in
from tests.worlds import grant

WANTED = {"items.0.service": "EMAIL", "items.0.quantity": "5", "note": "Nowy referat"}


@pytest.fixture
def site(site: Site) -> Site:
    ensure_catalogue()
    db.session.commit()
    return site


def test_a_clerk_orders_the_staff_approve_and_it_can_be_used(site: Site) -> None:
    clerk, staff, contract = site.client(site.clerk), site.client(site.admin), grant(site.world.koscian, lists=1)
    assert clerk.get("/orders/new").location.endswith("/members/choose/order")
    path = clerk.get("/members/choose/order").location
    assert f'value="{contract.id}"' in clerk.get(path).text
    assert fields_at_fault(send(clerk, path, WANTED | {"items.0.quantity": "0"}).text) == {"items.0.quantity"}
    assert fields_at_fault(send(clerk, path, {"items.0.service": ""}).text) == {"items"}
    ticket = hidden(clerk.get(path).text)["ticket"]
    check = send(clerk, path, WANTED | {"contract_id": str(contract.id), "ticket": ticket}).text
    assert "120,00" in check
    assert db.session.scalar(select(Order)) is None
    sent = hidden(check) | {"confirmed": "1"}
    with unit_of_work():
        db.session.get_one(Service, "EMAIL").price = Decimal(30)
    again = clerk.post(path, data=sent)
    assert again.status_code == 422
    assert "150" in again.text
    sent = hidden(again.text) | {"confirmed": "1"}
    first, second = clerk.post(path, data=sent), clerk.post(path, data=sent)
    assert first.location == second.location, "a double click is one order"
    page = clerk.get(first.location).text
    assert 'aria-current="step"' in page
    assert "Nowy referat" in page
    order = db.session.scalars(select(Order)).one()
    assert order.number in staff.get("/needs?kind=order").text
    assert clerk.get(f"{first.location}/approve").status_code == 403
    approval = {"number": "Aneks 1", "effective_on": today().isoformat()}
    assert send(staff, f"{first.location}/approve", approval).status_code == 303
    assert "Aneks 1" in clerk.get(f"/contracts/{contract.id}").text
    late = staff.post(f"{first.location}/refuse", data={"csrf_token": sent["csrf_token"], "reason": "nie"})
    assert late.status_code in (400, 422)
    assert order.number in clerk.get("/orders/orders.csv").text
    assert order.number in clerk.get("/orders/?search=kosc&state=live").text
    assert order.number not in site.client(site.nobody).get("/orders/").text


def test_orders_are_refused_and_withdrawn_and_foreign_ones_are_absent(site: Site) -> None:
    clerk, staff = site.client(site.clerk), site.client(site.admin)
    foreign = create_order(SYSTEM, member_id=site.world.smigiel.id, items=[{"service": "DNS", "quantity": 1}])
    for end in ("", "/withdraw"):
        assert clerk.get(f"/orders/{foreign.id}{end}").status_code == 404
    assert clerk.get(f"/orders/new?member={site.world.smigiel.id}").status_code == 404
    theirs = {"contract_id": str(grant(site.world.smigiel, lists=1).id), "total": "120.00", "confirmed": "1"}
    assert send(clerk, f"/orders/new?member={site.world.koscian.id}", WANTED | theirs).status_code == 404
    paths = []
    for _ in range(2):
        path = f"/orders/new?member={site.world.koscian.id}"
        check = send(clerk, path, WANTED | {"ticket": str(uuid.uuid4())}).text
        paths.append(clerk.post(path, data=hidden(check) | {"confirmed": "1"}).location)
    assert send(staff, f"{paths[0]}/refuse", {"reason": "Brak środków"}).status_code == 303
    assert "Brak środków" in clerk.get(paths[0]).text
    assert send(clerk, f"{paths[1]}/withdraw").status_code == 303
    assert sorted(db.session.scalars(select(Order.state))) == ["draft", "refused", "withdrawn"]


def test_steps_are_planned_after_a_look_and_taken_back_one_by_one(site: Site) -> None:
    staff, contract = site.client(site.admin), grant(site.world.koscian, lists=1)
    own = f"/contracts/{contract.id}"
    days = {"steps.0.takes_on": today(), "steps.2.takes_on": today() + timedelta(days=30)}
    fields = {name: day.isoformat() for name, day in days.items()} | {"reason": "Zaległość", "contact": "65 512"}
    levels = {f"steps.{row}.level": level for row, level in enumerate(("no_new", "no_send", "no_login", "closed"))}
    soon = fields | levels | {"steps.1.takes_on": (today() + timedelta(days=1)).isoformat()}
    assert fields_at_fault(send(staff, f"{own}/plan", soon).text) == {"steps.1.takes_on"}
    plan = send(staff, f"{own}/plan", fields | levels)
    assert plan.status_code == 200
    assert "Co się stanie" in plan.text
    assert db.session.scalar(select(ContractStep)) is None
    assert staff.post(f"{own}/plan", data=hidden(plan.text)).status_code == 303
    db.session.rollback()
    steps = db.session.scalars(select(ContractStep).order_by(ContractStep.takes_on)).unique().all()
    assert [(step.level, step.state) for step in steps] == [("no_new", "taken"), ("no_login", "planned")]
    member = site.client(site.clerk).get("/")
    assert "65 512" in member.text
    assert "Zaległość" in member.text
    assert "Zaległość" in site.client(site.clerk).get(own).text
    assert "65 512" not in staff.get("/").text, "the banner is for whom it stops"
    assert send(staff, f"{own}/steps/{steps[1].id}/undo").status_code == 303
    assert staff.get(f"{own}/steps/{steps[1].id}/undo").status_code == 404
    assert send(staff, f"{own}/resume").status_code == 303
    assert "65 512" not in site.client(site.clerk).get("/").text


def test_a_task_is_found_on_the_first_page_and_done_with_a_note(site: Site) -> None:
    staff, contract = site.client(site.admin), grant(site.world.koscian, lists=1)
    update_contract(SYSTEM, contract.id, ends_on=today() + timedelta(days=20))
    make_tasks(SYSTEM)
    need = re.search(r'href="(/contracts/tasks/[^"]+/done)"', staff.get("/").text)
    assert need is not None
    assert contract.number in staff.get("/contracts/tasks?search=kosc&step=30").text
    assert contract.number not in staff.get("/contracts/tasks?step=60").text
    assert fields_at_fault(send(staff, need.group(1), {"note": ""}).text) == {"note"}
    assert send(staff, need.group(1), {"note": "Aneks podpisany"}).status_code == 303
    assert "Aneks podpisany" in staff.get("/contracts/tasks?state=done").text
    assert "Aneks podpisany" in staff.get(f"/contracts/{contract.id}").text
    clerk = site.client(site.clerk)
    assert clerk.get("/contracts/tasks").status_code == 403
    assert "Aneks podpisany" not in clerk.get(f"/contracts/{contract.id}").text


def test_the_first_page_of_a_member_shows_use_growth_contracts_and_orders(site: Site) -> None:
    ends = today() + timedelta(days=100)
    create_contract(
        SYSTEM, number="9/2026", member_id=site.world.koscian.id, signed_on=today(), starts_on=today(), ends_on=ends,
        items=[{"service": "EMAIL", "quantity": 2}],
    )  # fmt: skip
    with unit_of_work():
        for back in (300, 200, 100, 0):
            day = today() - timedelta(days=back)
            row = {"member_id": site.world.koscian.id, "kind": "mailboxes", "granted": 1000}
            db.session.add(UsageDay(day=day, used=400 - back, **row))
    page = site.client(site.clerk).get("/").text
    assert "9/2026" in page
    assert "100 dni do końca" in page
    assert '<polyline class="plot-used" points="88.0,' in page
    assert "Śmigiel" not in page


def test_a_held_member_is_told_why_where_it_wants_something_new(site: Site) -> None:
    contract = grant(site.world.koscian, lists=1)
    suspend_contract(SYSTEM, contract.id, level="no_new", reason="Zaległość", contact="65 512")
    clerk = site.client(site.clerk)
    answer = send(clerk, f"/orders/new?member={site.world.koscian.id}", WANTED | {"ticket": str(uuid.uuid4())})
    assert answer.status_code == 422
    summary = re.search(r'id="error-summary".*?</div>', answer.text, re.DOTALL)
    assert summary is not None
    assert "Zaległość" in summary.group()
    assert db.session.get_one(Contract, contract.id).suspended == "no_new"


def hidden(page: str) -> dict[str, Any]:
    """What the question on a page would send along."""
    main = page[page.index('<main id="main"') :]
    found = re.findall(r'<input type="hidden" name="([^"]+)"(?: id="[^"]+")? value="([^"]*)"', main)
    return {name: value.replace("&amp;", "&") for name, value in found} | {"csrf_token": token_in(main)}
