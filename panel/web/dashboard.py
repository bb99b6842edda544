"""The start page: for staff what needs a person today, for a member what it has and whom to call."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, render_template, url_for
from sqlalchemy import func, select

from panel.contracts.actions import contracts_query
from panel.contracts.entitlements import entitlements, today
from panel.contracts.models import Contract
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.i18n import ngettext
from panel.ledger.events import Event, events_query
from panel.mail.actions import mailboxes_query
from panel.mail.models import Mailbox
from panel.members.actions import members_query
from panel.members.models import Member
from panel.web.filters import number
from panel.web.needs import first_needs
from panel.web.session import actor, signed_in

area = Blueprint("dashboard", __name__)

SHOWN, NEEDS_SHOWN = 8, 6


@area.get("/")
@signed_in
def show():
    """Show the start page that fits whoever looks."""
    who = actor()
    if who.may_everywhere("members:read"):
        return render_template(
            "dashboard/staff.html", needs=first_needs(who, NEEDS_SHOWN), counts=counts(who), events=_last_events(who)
        )
    return render_template(
        "dashboard/member.html",
        members=_own(who),
        events=_last_events(who),
        entitlements=entitlements,
        who=who,
        can_create=who.may("mail:write"),
    )


def counts(who: Actor) -> list[tuple[str, str, str, str | None]]:
    """Big figures: icon, number, noun in its proper form, list behind it."""
    members, boxes = _count(members_query(who), Member.id), _count(mailboxes_query(who), Mailbox.id)
    open_contracts = len(_in_force(who))
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


def _in_force(who: Actor) -> list[Contract]:
    return [
        one
        for one in db.session.scalars(contracts_query(who)).unique()
        if one.status(today()) in ("active", "expiring")
    ]


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
