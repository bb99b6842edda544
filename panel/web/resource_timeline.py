"""The timeline of one resource: what people did, what the engine did, what was seen, in one order."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template

from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _l
from panel.ledger.events import Event, events_query
from panel.ledger.jobs import Job, jobs_query
from panel.web.layout import actor_words, page_url
from panel.web.lists import asked
from panel.web.session import actor, permission
from panel.wording import cause_word, event_details, event_look, log_line

area = Blueprint("timeline", __name__, url_prefix="/timeline")

SOURCES = (("people", _l("people")), ("engine", _l("the panel and the server")), ("looks", _l("looks from outside")))
LOOKS = (":seen", ":not_seen", ":lost", ":found", ":gone")
"""How the tags of events end that tell what was seen from outside."""

EVENTS_MOST, JOBS_MOST = 500, 100
"""How far back it goes; the journal goes to the beginning."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that happened. ``url``: the job in which it did."""

    at: datetime
    source: str
    tone: str
    icon: str
    text: str
    details: list[str]
    who: str
    url: str | None = None


@area.get("/<kind>/<uuid:resource_id>")
@permission("events:read")
def show(kind: str, resource_id: uuid.UUID):
    """Show everything that happened to one resource, by who or what did it."""
    source = asked("source").filter("source")
    name = _name(actor(), kind, resource_id)
    lines = timeline_of(actor(), kind, resource_id)
    return render_template(
        "events/timeline.html",
        lines=[line for line in lines if source in (None, line.source)],
        listing=asked("source").of_few(),
        sources=SOURCES,
        name=name,
        kind=kind,
        url=page_url(kind, resource_id),
    )


def timeline_of(who: Actor, kind: str, resource_id: uuid.UUID, *, most: int = EVENTS_MOST + JOBS_MOST) -> list[Line]:
    """What happened to a resource, newest first; lines of jobs only for those who may see jobs."""
    happened = events_query(who, kind=kind, resource_id=resource_id).limit(EVENTS_MOST)
    lines = [_of_event(event) for event in db.session.scalars(happened)]
    if who.may_everywhere("jobs:read"):
        asked_for = jobs_query(who, resource_id=resource_id).order_by(Job.queued_at.desc()).limit(JOBS_MOST)
        lines += [line for job in db.session.scalars(asked_for) for line in _of_job(job)]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:most]


def _of_event(event: Event) -> Line:
    look = event_look(event.tag)
    seen = event.tag.startswith("engine:") and event.tag.endswith(LOOKS)
    source = "looks" if seen else "engine" if event.actor.startswith("system:") else "people"
    return Line(
        at=event.at, source=source, tone=look.tone, icon=look.icon, text=look.word, details=event_details(event),
        who=actor_words(event), url=page_url("job", event.job_id),
    )  # fmt: skip


def _of_job(job: Job) -> Iterator[Line]:
    """The lines of a job's log about its one resource."""
    for entry in job.log:
        looked = entry.get("text") == "looked from outside"
        yield Line(
            at=datetime.fromisoformat(entry["at"]), source="looks" if looked else "engine", tone="off",
            icon="eye" if looked else "list-task", text=log_line(entry), details=[], who=cause_word(job.cause),
            url=page_url("job", job.id),
        )  # fmt: skip


def _name(who: Actor, kind: str, resource_id: uuid.UUID) -> str:
    """What the resource was last called. Raises NotFound where nothing ever happened to it that ``who`` may see."""
    last = db.session.scalars(events_query(who, kind=kind, resource_id=resource_id).limit(1)).first()
    if last is None:
        raise NotFound("not_found")
    return last.detail.resource_name if last.detail is not None else ""
