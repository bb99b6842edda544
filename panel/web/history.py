"""A member's own history: what happened to what is its, by whom, and every access by staff."""

from __future__ import annotations

import uuid
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import selectinload

from panel.identity import agreements, stepping_in
from panel.identity.looks import looks_query
from panel.identity.step_ins import StepIn
from panel.kernel.db import db
from panel.kernel.i18n import TIME_ZONE, _
from panel.ledger.events import Event, EventDetail, events_query
from panel.web.asked_id import asked_id
from panel.web.events import SOURCES
from panel.web.forms.history import NarrowForm
from panel.web.layout import actor_words
from panel.web.lists import asked, csv_answer
from panel.web.session import actor, permission, require_fresh
from panel.wording import event_details, event_sentence

area = Blueprint("history", __name__, url_prefix="/history")

_SYSTEM = "system:"
LOOKS_SHOWN, PEOPLE_OFFERED, PEOPLE_AMONG = 60, 50, 2_000
OWN_SOURCES = [source for source in SOURCES if source[0] not in ("nodes", "jobs")]
COLUMNS: list[tuple[str, Any]] = [
    ("at", lambda event: event.at.isoformat(timespec="seconds")),
    ("what", event_sentence),
    ("about", lambda event: event.detail.resource_name if event.detail else ""),
    ("details", lambda event: "; ".join(event_details(event))),
    ("who", actor_words),
    ("tag", lambda event: event.tag),
]


@area.get("")
@permission("events:read")
def show() -> ResponseReturnValue:
    """What happened, newest first, narrowed by person, kind, time and words."""
    form = _narrowing()
    wanted = asked("kind", "person", "since", "until")
    listing = wanted.read(_events(form), sorts={"at": Event.id}, default="-at")
    return render_template("history/list.html", listing=listing, form=form)


@area.get("/csv")
@permission("events:read")
def download() -> ResponseReturnValue:
    """The same events as a file."""
    return csv_answer(_events(_narrowing()), COLUMNS, name="history")


@area.get("/staff")
@permission("events:read")
def staff() -> ResponseReturnValue:
    """Every access by staff: stays in the member's view with their reasons, days of looking, what waits for a word."""
    member_id = asked_id("member")
    stays = stepping_in.step_ins_query(actor(), member_id=member_id).options(selectinload(StepIn.asked))
    looks = looks_query(actor(), member_id=member_id).limit(LOOKS_SHOWN)
    return render_template(
        "history/staff.html",
        listing=asked().read(stays, sorts={"at": StepIn.id}, default="-at"),
        going_on=list(db.session.scalars(stepping_in.step_ins_query(actor(), member_id=member_id, going_on=True))),
        waiting=list(db.session.scalars(agreements.asked_query(actor(), member_id=member_id, waiting=True))),
        looks=[(look, look.user.name or look.user.email) for look in db.session.scalars(looks)],
    )


@area.post("/staff/<uuid:step_in_id>/end")
@permission("stepin:agree")
def end(step_in_id: uuid.UUID) -> ResponseReturnValue:
    """End somebody's stay at once."""
    stepping_in.end(actor(), step_in_id)
    flash(_("The access is ended."), "success")
    return redirect(url_for("history.staff"), 303)


@area.get("/staff/changes/<uuid:asked_id>")
@permission("events:read")
def change(asked_id: uuid.UUID) -> ResponseReturnValue:
    """One change that staff asked for: what exactly, and the two answers."""
    asked = agreements.get_asked(actor(), asked_id)
    settled, mine = agreements.is_settled(actor(), asked), agreements.may_decide(actor(), asked)
    days = agreements.SETTLED_DAYS
    return render_template("history/change.html", asked=asked, settled=settled, mine=mine, days=days)


@area.post("/staff/changes/<uuid:asked_id>/agree")
@permission("stepin:agree")
@require_fresh
def agree(asked_id: uuid.UUID) -> ResponseReturnValue:
    """Agree, after a fresh second factor of one's own."""
    agreements.agree(actor(), asked_id)
    flash(_("You agreed to this one change."), "success")
    return redirect(url_for("history.change", asked_id=asked_id), 303)


@area.post("/staff/changes/<uuid:asked_id>/refuse")
@permission("stepin:agree")
def refuse(asked_id: uuid.UUID) -> ResponseReturnValue:
    """Refuse; nothing is done."""
    agreements.refuse(actor(), asked_id)
    flash(_("You refused this change. Nothing is done."), "success")
    return redirect(url_for("history.staff"), 303)


def _narrowing() -> NarrowForm:
    form = NarrowForm(request.args, meta={"csrf": False})
    form.offer(OWN_SOURCES, _people())
    form.validate()
    return form


def _people() -> list[tuple[str, str]]:
    """Who did something lately: who is named in the latest events, newest first."""
    latest = events_query(actor(), member_id=asked_id("member")).with_only_columns(Event.id, Event.actor)
    some = latest.limit(PEOPLE_AMONG).subquery()
    last = select(some.c.actor, func.max(some.c.id).label("id")).group_by(some.c.actor).subquery()
    named = select(last.c.actor, EventDetail.actor_name).join(EventDetail, EventDetail.event_id == last.c.id)
    rows = db.session.execute(named.order_by(last.c.id.desc()).limit(PEOPLE_OFFERED)).all()
    people = [(_SYSTEM, _("the panel itself")) if ref.startswith(_SYSTEM) else (ref, name or ref) for ref, name in rows]
    return list(dict.fromkeys(people))


def _events(form: NarrowForm) -> Select[Event]:
    kind = form.kind.data if form.kind.data in dict(OWN_SOURCES) else None
    query = events_query(actor(), tag=f"{kind}:" if kind else None, member_id=asked_id("member"))
    if form.person.data:
        is_panel = form.person.data == _SYSTEM
        query = query.where(Event.actor.startswith(_SYSTEM) if is_panel else Event.actor == form.person.data)
    zone = ZoneInfo(TIME_ZONE)
    if form.since.data is not None:
        query = query.where(Event.at >= datetime.combine(form.since.data, time(), zone))
    if form.until.data is not None:
        query = query.where(Event.at < datetime.combine(form.until.data + timedelta(days=1), time(), zone))
    for word in form.search.text.split():
        texts = (EventDetail.resource_name, EventDetail.actor_name)
        query = query.where(Event.detail.has(or_(*(text.icontains(word, autoescape=True) for text in texts))))
    return query
