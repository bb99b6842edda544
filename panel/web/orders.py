"""Pages of orders: a member asks for more, looks at what it would cost, sends it; the association decides."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select

from panel.contracts import orders as actions
from panel.contracts.actions import contracts_query, list_services
from panel.contracts.entitlements import today
from panel.contracts.models import Contract, Service
from panel.contracts.orders import ORDER_STATES, Order, priced, total_of
from panel.kernel.access import require
from panel.kernel.db import db, new_id
from panel.kernel.errors import Conflict
from panel.kernel.i18n import _
from panel.ledger.events import events_query
from panel.members.actions import get_member
from panel.members.models import Member
from panel.web.asked_id import asked_id
from panel.web.forms.base import PanelForm
from panel.web.forms.orders import ApprovalForm, OrderForm, RefusalForm
from panel.web.lists import Asked, asked, csv_answer
from panel.web.session import actor, permission

area = Blueprint("orders", __name__, url_prefix="/orders")

SORTS = {"number": Order.number, "member": Member.folded, "sent": Order.id}
COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    ("number", attrgetter("number")),
    ("member", attrgetter("member.name")),
    ("state", attrgetter("state")),
    ("items", lambda order: ", ".join(f"{item['service']} × {item['quantity']}" for item in order.items)),
    ("total", lambda order: total_of(priced(order.items))),
    *((name, attrgetter(name)) for name in ("sent_at", "decided_at", "effective_on", "live_at")),
]
EVENTS_SHOWN = 20


@area.get("/")
@permission("orders:read")
def show_list() -> ResponseReturnValue:
    """Orders in scope, with search, chips and pages."""
    wanted = asked("state")
    listing = wanted.read(_query(wanted), sorts=SORTS, default="-sent")
    return render_template("orders/list.html", listing=listing, states=ORDER_STATES, **_prices())


@area.get("/orders.csv")
@permission("orders:read")
def download() -> ResponseReturnValue:
    """The same list as a file."""
    return csv_answer(_query(asked("state")).order_by(Order.id), COLUMNS, name="orders")


@area.get("/<uuid:order_id>")
@permission("orders:read")
def show(order_id: uuid.UUID) -> ResponseReturnValue:
    """One order: how far it is, what it is of, what can be done."""
    order, who = actions.get_order(actor(), order_id), actor()
    events = events_query(who, kind="order", resource_id=order_id).limit(EVENTS_SHOWN)
    granted_by = db.session.get(Contract, order.granted_by_id) if order.granted_by_id else None
    return render_template(
        "orders/show.html", order=order, items=priced(order.items), services=_services(), granted_by=granted_by,
        can_decide=order.state == "sent" and who.may_everywhere("orders:approve"),
        can_withdraw=order.state in ("draft", "sent") and who.may("orders:write", order.member_id),
        events=db.session.scalars(events).all() if who.may("events:read", order.member_id) else [], **_prices(),
    )  # fmt: skip


@area.route("/new", methods=["GET", "POST"])
@permission("orders:write")
def create() -> ResponseReturnValue:
    """What is wanted; then what it costs; then it is sent. The member in ``?member=`` is chosen first."""
    member_id = asked_id("member")
    if member_id is None:
        return redirect(url_for("members.choose", purpose="order"))
    require(actor(), "orders:write", member_id)
    member, form = get_member(actor(), member_id), OrderForm(data={"contract_id": str(asked_id("contract") or "")})
    form.offer(list_services(actor()))
    form.offer_contracts(_contracts(member_id))
    if form.add_row.data:
        form.items.append_entry()
        return _form(form, member)
    if request.method == "POST" and "back" in request.form:
        return _form(form, member)
    quoted = form.attempt(lambda: actions.quote(actor(), member_id=member.id, items=form.rows()))
    if quoted is None:
        return _form(form, member)
    return _send(form, member, quoted) if "confirmed" in request.form else _check(form, member, quoted)


@area.route("/<uuid:order_id>/approve", methods=["GET", "POST"])
@permission("orders:approve", staff=True)
def approve(order_id: uuid.UUID) -> ResponseReturnValue:
    """Which paper grants it, and from when."""
    order = actions.get_order(actor(), order_id)
    form = ApprovalForm(data={"effective_on": today() + timedelta(days=1)})
    done = form.attempt(lambda: actions.approve_order(actor(), order_id, **form.values()))
    if done is None:
        return render_template("orders/approve.html", form=form, order=order, items=priced(order.items),
                               services=_services(), **_prices()), form.status  # fmt: skip
    return _done(order, _("Order %(number)s is approved.", number=order.number))


@area.route("/<uuid:order_id>/refuse", methods=["GET", "POST"])
@permission("orders:approve", staff=True)
def refuse(order_id: uuid.UUID) -> ResponseReturnValue:
    """Why not."""
    order, form = actions.get_order(actor(), order_id), RefusalForm()
    if form.attempt(lambda: actions.refuse_order(actor(), order_id, reason=form.reason.text)) is None:
        return render_template("orders/refuse.html", form=form, order=order), form.status
    return _done(order, _("Order %(number)s is refused.", number=order.number))


@area.route("/<uuid:order_id>/withdraw", methods=["GET", "POST"])
@permission("orders:write")
def withdraw(order_id: uuid.UUID) -> ResponseReturnValue:
    """Taken back before somebody decided."""
    order, form = actions.get_order(actor(), order_id), PanelForm()
    require(actor(), "orders:write", order.member_id)
    if form.attempt(lambda: actions.withdraw_order(actor(), order_id)) is None:
        return render_template("orders/withdraw.html", form=form, order=order), form.status
    return _done(order, _("Order %(number)s is withdrawn.", number=order.number))


def _form(form: OrderForm, member: Member) -> ResponseReturnValue:
    form.ticket.data = form.ticket.data or new_id()
    return render_template("orders/new.html", form=form, member=member), form.status


def _send(form: OrderForm, member: Member, quoted: list[dict[str, Any]]) -> ResponseReturnValue:
    """Send what was looked at; prices that changed since are shown again first."""
    total = total_of(quoted)
    if form.shown_total() != total:
        form.refuse(Conflict("prices_changed", total=str(total)))
        return _check(form, member, quoted)
    sent = form.attempt(lambda: actions.place_order(actor(), member_id=member.id, total=total, **form.values()))
    if sent is None:
        return _form(form, member)
    return _done(sent, _("Order %(number)s is sent. We tell you what becomes of it.", number=sent.number))


def _check(form: OrderForm, member: Member, quoted: list[dict[str, Any]]) -> ResponseReturnValue:
    """What would be sent, for a last look; the form goes along in hidden fields."""
    kept = [(entry.name, entry.data) for row in form.items for entry in row.form if entry.data is not None]
    kept += [("contract_id", form.contract_id.data or ""), ("note", form.note.text), ("ticket", form.ticket.data)]
    contract = form.contracts.get(form.contract_id.data or "", "")
    return render_template(
        "orders/check.html", form=form, member=member, items=quoted, kept=kept, contract=contract,
        services=_services(), total=total_of(quoted), **_prices(),
    ), form.status  # fmt: skip


def _query(wanted: Asked) -> Select[Order]:
    state = wanted.filter("state")
    return actions.orders_query(
        actor(), search=wanted.search, state=state if state in ORDER_STATES else None, member_id=asked_id("member")
    )


def _contracts(member_id: uuid.UUID) -> list[Contract]:
    """The member's contracts that an order can extend."""
    found = db.session.scalars(contracts_query(actor(), member_id=member_id).order_by(Contract.starts_on.desc()))
    return [one for one in found.unique() if one.status(today()) in ("active", "expiring", "future")]


def _services() -> dict[str, Service]:
    return {service.code: service for service in list_services(actor())}


def _prices() -> dict[str, Any]:
    return {"priced": priced, "total_of": total_of}


def _done(order: Order, told: str) -> ResponseReturnValue:
    flash(told, "success")
    return redirect(url_for("orders.show", order_id=order.id), 303)
