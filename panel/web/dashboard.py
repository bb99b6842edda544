"""The start page: for staff what needs a person today, for a member what it has and whom to call."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, current_app, render_template, url_for
from sqlalchemy import case, func, or_, select

from panel.contracts.actions import contracts_query
from panel.contracts.entitlements import entitlements, today
from panel.contracts.models import Contract, final_day, has_status
from panel.contracts.orders import Order, orders_query
from panel.identity.looks import recent_accesses
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.i18n import ngettext
from panel.ledger.events import Event, events_query
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox
from panel.mail.use import use_of
from panel.mail.use_days import MAIL_KEPT
from panel.members.actions import members_query
from panel.members.models import Member
from panel.web.filters import number
from panel.web.job_plots import hourly
from panel.web.needs import first_needs
from panel.web.session import actor, signed_in
from panel.web.usage_plots import bars_of, growth_of, mail_bars

area = Blueprint("dashboard", __name__)

SHOWN, NEEDS_SHOWN, ORDERS_SHOWN, ACCESSES_SHOWN = 8, 6, 4, 3
GROWN = ("mailboxes", "mailbox_mb", MAIL_KEPT)
"""What is shown over time."""


@area.get("/")
@signed_in
def show():
    """Show the start page that fits whoever looks."""
    who = actor()
    if who.may_everywhere("members:read"):
        return render_template(
            "dashboard/staff.html", needs=first_needs(who, NEEDS_SHOWN), counts=counts(who), events=_last_events(who),
            jobs=hourly(who) if who.may_everywhere("jobs:read") else None,
        )  # fmt: skip
    members = _own(who)
    grants = {member.id: entitlements(who, member.id) for member in members}
    uses = {member.id: use_of(member.id) for member in members if who.may("mail:read", member.id)}
    return render_template(
        "dashboard/member.html", members=members, who=who, uses=uses, events=_last_events(who),
        can_create=who.may("mail:write"),
        bars={id_: [*bars_of(granted), *mail_bars(uses.get(id_), granted)] for id_, granted in grants.items()},
        growth=growth_of(members[0].id, GROWN) if len(members) == 1 else [],
        contracts=_contracts(who), orders=_orders(who), today=today(),
        contact=current_app.config["CIS"].association_contact,
        accesses=recent_accesses(who, most=ACCESSES_SHOWN) if who.may("events:read") else [],
    )  # fmt: skip


def counts(who: Actor) -> list[tuple[str, str, str, str | None]]:
    """Big figures: icon, number, noun in its proper form, list behind it."""
    members, boxes = _count(members_query(who), Member.id), _count(mailboxes_query(who), Mailbox.id)
    open_contracts = _in_force(who)
    return [
        ("building", number(members), ngettext("member", "members", members), _url("members.show_list")),
        (
            "file-earmark-text",
            number(open_contracts),
            ngettext("contract in force", "contracts in force", open_contracts),
            _url("contracts.show_list"),
        ),
        ("envelope", number(boxes), ngettext("mailbox", "mailboxes", boxes), _url("mail.show_list")),
    ]


def _in_force(who: Actor) -> int:
    query = contracts_query(who).where(or_(has_status("active", today()), has_status("expiring", today())))
    return _count(query, Contract.id)


def _contracts(who: Actor) -> list[Contract]:
    """The contracts of whom a person acts for, those that end first first; what is over comes last."""
    if not who.may("contracts:read"):
        return []
    over = case((has_status("ended", today()), 1), else_=0)
    query = contracts_query(who).order_by(over, func.coalesce(final_day, date.max), Contract.id).limit(SHOWN)
    return list(db.session.scalars(query).unique())


def _orders(who: Actor) -> list[Order]:
    """The latest orders."""
    if not who.may("orders:read"):
        return []
    return list(db.session.scalars(orders_query(who).order_by(Order.id.desc()).limit(ORDERS_SHOWN)).unique())


def _own(who: Actor) -> list[Member]:
    """The members a person acts for, at most SHOWN."""
    if not who.may("members:read"):
        return []
    return list(db.session.scalars(members_query(who).order_by(Member.name).limit(SHOWN)))


def _last_events(who: Actor) -> list[Event]:
    return list(db.session.scalars(events_query(who).limit(SHOWN))) if who.may("events:read") else []


def _count(query: Any, column: Any) -> int:
    return (
        db.session.scalar(select(func.count()).select_from(query.with_only_columns(column).order_by(None).subquery()))
        or 0
    )


def _url(endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None
