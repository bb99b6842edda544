"""What needs a person today: everything of all kinds in one list, the most urgent first."""

from __future__ import annotations

from flask import Blueprint, render_template

from panel.kernel.access import Actor
from panel.kernel.i18n import _l
from panel.kernel.listing import COUNTED_MAX, Page
from panel.web.lists import Listing, asked
from panel.web.need import Need, NeedSource
from panel.web.need_sources import sources
from panel.web.session import actor, permission

area = Blueprint("needs", __name__, url_prefix="/needs")

KINDS = (
    ("engine", _l("engine")),
    ("node", _l("nodes")),
    ("alarm", _l("alarms")),
    ("plan", _l("plans")),
    ("certificate", _l("certificates")),
    ("backup", _l("backups")),
    ("job", _l("jobs")),
    ("resource", _l("resources")),
    ("difference", _l("differences")),
    ("order", _l("orders")),
    ("contract", _l("contracts")),
)
"""Kinds of needs with the words of their chips, in the order of their urgency."""


@area.get("")
@permission("members:read", staff=True)
def show_list():
    """Show what needs a person, by kind and by what it is called."""
    wanted = asked("kind")
    kind = wanted.filter("kind")
    found = [one for one in sources(actor(), wanted.search) if kind in (None, one.kind)]
    page = _page(found, page=wanted.page, size=wanted.page_size)
    listing: Listing[Need] = Listing(asked=wanted, sort="", rows=page)
    return render_template("needs/list.html", listing=listing, kinds=KINDS)


def first_needs(who: Actor, number: int) -> Page[Need]:
    """The most urgent ones, and how many there are in all."""
    return _page(sources(who, ""), page=1, size=number)


def _page(found: list[NeedSource], *, page: int, size: int) -> Page[Need]:
    """One page out of several lists that follow one another."""
    counts = [one.count() for one in found]
    start = (page - 1) * size
    rows: list[Need] = []
    for source, count in zip(found, counts, strict=True):
        if start < count and len(rows) < size:
            rows += source.rows(start, size - len(rows))
        start = max(0, start - count)
    total = sum(counts)
    exact = all(count <= COUNTED_MAX for count in counts)
    return Page(items=rows, total=total, total_exact=exact, page=page, page_size=size,
                next=str(page + 1) if page * size < total else None)  # fmt: skip
