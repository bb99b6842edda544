"""The journal: everything that happened, narrowed by what it is about."""

from __future__ import annotations

from flask import Blueprint, render_template

from panel.kernel.i18n import _l
from panel.ledger.events import Event, events_query
from panel.web.layout import actor_words
from panel.web.lists import asked, csv_answer
from panel.web.session import actor, permission
from panel.wording import event_sentence

area = Blueprint("events", __name__, url_prefix="/events")

SOURCES = (
    ("members", _l("members")),
    ("contracts", _l("contracts")),
    ("mail", _l("mail")),
    ("engine", _l("servers' answers")),
    ("identity", _l("people and tokens")),
    ("jobs", _l("jobs")),
    ("nodes", _l("nodes")),
    ("records", _l("this record")),
)
CSV_MOST = 100_000


@area.get("")
@permission("events:read", staff=True)
def show_list():
    """Show what happened, newest first."""
    wanted = asked("source")
    listing = wanted.read(_query(wanted), sorts={"at": Event.id}, default="-at")
    return render_template("events/list.html", listing=listing, sources=SOURCES)


@area.get("/csv")
@permission("events:read", staff=True)
def download():
    """Give the same events as a file."""
    columns = [
        ("at", lambda event: event.at.isoformat(timespec="seconds")),
        ("tag", lambda event: event.tag),
        ("what", event_sentence),
        ("who", actor_words),
        ("about", lambda event: event.detail.resource_name if event.detail else ""),
    ]
    return csv_answer(_query(asked("source")).limit(CSV_MOST), columns, name="events")


def _query(wanted):
    source = wanted.filter("source")
    return events_query(actor(), tag=f"{source}:" if source in dict(SOURCES) else None)
