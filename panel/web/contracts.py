"""Pages of contracts: the list, one contract, a new or corrected one, its amendments and scans; the catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, or_

from panel.contracts import actions
from panel.contracts.ending import ContractTask, tasks_query
from panel.contracts.entitlements import entitlements, item_in_force, today
from panel.contracts.models import SUSPENSION_LEVELS, Contract
from panel.contracts.orders import Order, orders_query
from panel.contracts.steps import steps_of
from panel.kernel.db import db
from panel.kernel.i18n import _
from panel.ledger.events import events_query
from panel.members.actions import get_member
from panel.members.models import Member
from panel.web.asked_id import asked_id
from panel.web.contract_parts import grants_of
from panel.web.forms.contracts import AmendmentForm, ContractDataForm, NewContractForm, ScanForm
from panel.web.lists import Asked, asked, csv_answer
from panel.web.session import actor, permission

area = Blueprint("contracts", __name__, url_prefix="/contracts")

SORTS = {"number": Contract.number, "starts": Contract.starts_on, "member": Member.folded}
COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    ("number", attrgetter("number")),
    ("member", attrgetter("member.name")),
    *((name, attrgetter(name)) for name in ("signed_on", "starts_on", "ends_on", "ended_on", "notice_days")),
    ("status", lambda contract: contract.status(today())),
]
STATUSES = ("active", "expiring", "suspended", "future", "ended")
EVENTS_SHOWN, ORDERS_SHOWN = 30, 20


@area.get("/")
@permission("contracts:read")
def show_list() -> ResponseReturnValue:
    """Contracts in scope, with search, chips and pages."""
    wanted = asked("status")
    listing = wanted.read(_query(wanted), sorts=SORTS, default="number")
    return render_template("contracts/list.html", listing=listing, statuses=STATUSES, today=today())


@area.get("/contracts.csv")
@permission("contracts:read")
def download() -> ResponseReturnValue:
    """The same list as a file."""
    wanted = asked("status")
    return csv_answer(wanted.in_order(_query(wanted), sorts=SORTS, default="number"), COLUMNS, name="contracts")


@area.get("/services")
@permission("services:read")
def services() -> ResponseReturnValue:
    """The catalogue."""
    return render_template("contracts/services.html", services=actions.list_services(actor()))


@area.get("/<uuid:contract_id>")
@permission("contracts:read")
def show(contract_id: uuid.UUID) -> ResponseReturnValue:
    """One contract: what it grants, its items, amendments, scans, timeline."""
    contract, day = actions.get_contract(actor(), contract_id), today()
    events = db.session.scalars(
        events_query(actor(), kind="contract", resource_id=contract_id).limit(EVENTS_SHOWN)
    ).all()
    current = {item.id for item in contract.items if item_in_force(contract, item, day)}
    return render_template(
        "contracts/show.html", contract=contract, today=day, events=events, current=current, scan_form=ScanForm(),
        grants=grants_of(contract, day), total=_yearly(contract, current), **_around(contract),
    )  # fmt: skip


@area.route("/new", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def create() -> ResponseReturnValue:
    """A new contract of the member in ``?member=``, which is chosen first."""
    member_id = asked_id("member")
    if member_id is None:
        return redirect(url_for("members.choose", purpose="contract"))
    member, form = get_member(actor(), member_id), NewContractForm()
    if form.add_row.data:
        form.items.append_entry()
    form.offer(actions.list_services(actor()))
    made = (
        None
        if form.add_row.data
        else form.attempt(
            lambda: actions.create_contract(actor(), member_id=member.id, items=form.rows(), **form.values())
        )
    )
    if made is None:
        return render_template("contracts/new.html", form=form, member=member), form.status
    return _done(made.id, _("Contract %(number)s is recorded.", number=made.number))


@area.route("/<uuid:contract_id>/edit", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def edit(contract_id: uuid.UUID) -> ResponseReturnValue:
    """Number, dates and notice corrected."""
    contract = actions.get_contract(actor(), contract_id)
    form = ContractDataForm(obj=contract)
    saved = form.attempt_on(
        contract, lambda seen: actions.update_contract(actor(), contract_id, version=seen, **form.values())
    )
    if saved is None:
        return render_template("contracts/edit.html", form=form, contract=contract), form.status
    return _done(contract_id, _("Saved."))


@area.route("/<uuid:contract_id>/amend", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def amend(contract_id: uuid.UUID) -> ResponseReturnValue:
    """An amendment with the services it adds."""
    contract, form = actions.get_contract(actor(), contract_id), AmendmentForm()
    if form.add_row.data:
        form.items.append_entry()
    form.offer(actions.list_services(actor()))
    made = (
        None
        if form.add_row.data
        else form.attempt(lambda: actions.add_amendment(actor(), contract_id, **form.values()))
    )
    if made is None:
        return render_template("contracts/amend.html", form=form, contract=contract), form.status
    return _done(contract_id, _("Amendment %(number)s is recorded.", number=made.number))


@area.route("/<uuid:contract_id>/scans", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def attach(contract_id: uuid.UUID) -> ResponseReturnValue:
    """A signed scan sent in."""
    contract, form = actions.get_contract(actor(), contract_id), ScanForm()
    kept = form.attempt(
        lambda: actions.attach_scan(actor(), contract_id, file_name=form.name(), content=form.content())
    )
    if kept is None:
        return render_template("contracts/attach.html", form=form, contract=contract), form.status
    return _done(contract_id, _("%(name)s is attached.", name=kept.file_name))


@area.get("/scans/<uuid:attachment_id>")
@permission("contracts:read")
def scan(attachment_id: uuid.UUID) -> ResponseReturnValue:
    """A signed scan to keep: always as a download, never shown inside the panel's own pages."""
    kept, path = actions.read_scan(actor(), attachment_id)
    return send_file(path, mimetype=kept.media_type, as_attachment=True, download_name=kept.file_name, max_age=0)


def _around(contract: Contract) -> dict[str, Any]:
    """What hangs on a contract: steps, tasks, orders, and how much is used of what it grants among others."""
    who = actor()
    changes = who.may_everywhere("contracts:write")
    orders = orders_query(who, member_id=contract.member_id) if who.may("orders:read", contract.member_id) else None
    granted = entitlements(who, contract.member_id) if who.may("entitlements:read", contract.member_id) else []
    tasks = tasks_query(who, contract_id=contract.id, state=None).order_by(ContractTask.id.desc()) if changes else None
    return {
        "steps": steps_of(contract.id),
        "levels": SUSPENSION_LEVELS,
        "can_change": changes,
        "tasks": [] if tasks is None else db.session.scalars(tasks).unique().all(),
        "orders": [] if orders is None else _orders_of(contract, orders),
        "used": {one.kind: one for one in granted},
    }


def _orders_of(contract: Contract, query: Select[Order]) -> list[Order]:
    hangs = or_(Order.contract_id == contract.id, Order.granted_by_id == contract.id)
    return list(db.session.scalars(query.where(hangs).order_by(Order.id.desc()).limit(ORDERS_SHOWN)).unique())


def _query(wanted: Asked) -> Select[Contract]:
    status = wanted.filter("status")
    return actions.contracts_query(
        actor(), search=wanted.search, status=status if status in STATUSES else None, member_id=asked_id("member")
    )


def _done(contract_id: uuid.UUID, told: str) -> ResponseReturnValue:
    flash(told, "success")
    return redirect(url_for("contracts.show", contract_id=contract_id), 303)


def _yearly(contract: Contract, current: set[uuid.UUID]) -> Decimal:
    return sum((item.total() for item in contract.items if item.id in current), Decimal())
