"""The start page: for staff what needs a person today, for a member what it has and whom to call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from panel.ledger.jobs import Job
from panel.ledger.nodes import list_nodes
from panel.mail.actions import mailboxes_query
from panel.mail.models import Mailbox
from panel.members.actions import members_query
from panel.members.models import Member
from panel.web.filters import number
from panel.web.nodes import node_state
from panel.web.session import actor, signed_in
from panel.wiring import KINDS

area = Blueprint("dashboard", __name__)

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something that needs a person: how urgent, what, and where to look."""

    tone: str
    icon: str
    text: str
    url: str | None


@area.get("/")
@signed_in
def show():
    """Show the start page that fits whoever looks."""
    who = actor()
    if who.may_everywhere("members:read"):
        return render_template("dashboard/staff.html", needs=needs(who), counts=counts(who), events=_last_events(who))
    return render_template(
        "dashboard/member.html",
        members=_own(who),
        events=_last_events(who),
        entitlements=entitlements,
        who=who,
        can_create=who.may("mail:write"),
    )


def needs(who: Actor) -> list[Need]:
    """What needs a person now, most urgent first."""
    found = [*_failed_resources(who), *_failed_jobs(who), *_lost_nodes(who), *_contracts(who)]
    return [need for need in found if need is not None]


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


def _failed_resources(who: Actor) -> Sequence[Need | None]:
    if not who.may_everywhere("mail:read"):
        return ()
    failed = sum(
        db.session.scalar(
            select(func.count()).where(
                kind.model.seen_generation < kind.model.wanted_generation, kind.model.problem_code.is_not(None)
            )
        )
        or 0
        for kind in KINDS
    )
    text = ngettext("%(num)s resource is not working", "%(num)s resources are not working", failed)
    return [
        Need(tone="bad", icon="x-octagon", text=text, url=_url("mail.show_list", state="failed")) if failed else None
    ]


def _failed_jobs(who: Actor) -> Sequence[Need | None]:
    if not who.may_everywhere("jobs:read"):
        return ()
    counted = select(Job.state, func.count()).where(Job.state.in_(("failed", "waiting_approval"))).group_by(Job.state)
    by_state = {row[0]: row[1] for row in db.session.execute(counted)}
    failed, waiting = by_state.get("failed", 0), by_state.get("waiting_approval", 0)
    failed_text = ngettext("%(num)s failed job", "%(num)s failed jobs", failed)
    waiting_text = ngettext("%(num)s job waits for approval", "%(num)s jobs wait for approval", waiting)
    return [
        Need(tone="warn", icon="person-check", text=waiting_text, url=_url("jobs.show_list", state="waiting_approval"))
        if waiting
        else None,
        Need(tone="bad", icon="list-task", text=failed_text, url=_url("jobs.show_list", state="failed"))
        if failed
        else None,
    ]


def _lost_nodes(who: Actor) -> Sequence[Need | None]:
    if not who.may_everywhere("nodes:read"):
        return ()
    lost = [node for node in list_nodes(who) if node_state(node) in ("problem", "never")]
    text = ngettext("%(num)s server has a problem", "%(num)s servers have a problem", len(lost))
    url = _url("nodes.show", node_id=lost[0].id) if len(lost) == 1 else _url("nodes.show_list")
    return [Need(tone="bad", icon="hdd-network", text=text, url=url) if lost else None]


def _contracts(who: Actor) -> Sequence[Need | None]:
    if not who.may_everywhere("contracts:read"):
        return ()
    statuses = [contract.status(today()) for contract in db.session.scalars(contracts_query(who)).unique()]
    expiring, suspended = statuses.count("expiring"), statuses.count("suspended")
    expiring_text = ngettext("%(num)s contract is expiring", "%(num)s contracts are expiring", expiring)
    suspended_text = ngettext("%(num)s contract is suspended", "%(num)s contracts are suspended", suspended)
    return [
        Need(tone="warn", icon="calendar-event", text=expiring_text, url=_url("contracts.show_list", status="expiring"))
        if expiring
        else None,
        Need(tone="warn", icon="pause-circle", text=suspended_text, url=_url("contracts.show_list", status="suspended"))
        if suspended
        else None,
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
