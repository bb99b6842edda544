"""Pages of zones: the list, one zone, a new one, whose its name is, and its end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select

from panel.dns import actions, exporting
from panel.dns.finding import zones_query
from panel.dns.idn import to_unicode
from panel.dns.models import Zone
from panel.dns.proving import get_proof
from panel.dns.remarking import remarks_of
from panel.dns.reverse import network_of
from panel.kernel.errors import Conflict, Invalid
from panel.kernel.i18n import _
from panel.ledger.resources import RESOURCE_STATES
from panel.web.asked_id import asked_id
from panel.web.forms.zones import NewZoneForm
from panel.web.lists import Asked, asked, csv_answer
from panel.web.resource_timeline import timeline_of
from panel.web.session import actor, permission
from panel.web.zone_parts import keeper, names_of, offers_of, parent_words, sets_listing, told, types_of, whole
from panel.web.zone_servers import answers_of, is_unsettled, late
from panel.web.zones_many import WORDS
from panel.wording.domain_names import finding_words

area = Blueprint("zones", __name__, url_prefix="/dns")
area.add_app_template_filter(to_unicode, "idn")

SORTS = {"name": Zone.name, "created": Zone.id}
COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    ("name", attrgetter("name")),
    ("name_unicode", lambda zone: to_unicode(zone.name)),
    ("member", lambda zone: zone.member.name if zone.member else ""),
    *((name, attrgetter(name)) for name in ("state", "dnssec", "serial", "version")),
    ("created_at", lambda zone: zone.created_at.isoformat(timespec="seconds")),
]
EVENTS_SHOWN = 30


@area.get("/zones")
@permission("dns:read")
def show_list() -> ResponseReturnValue:
    """Zones in scope, with search, chips and pages."""
    wanted = asked("state", "look")
    listing = wanted.read(_query(wanted), sorts=SORTS, default="name")
    pending = [zone.id for zone in listing.items if is_unsettled(zone)]
    return render_template("zones/list.html", listing=listing, states=RESOURCE_STATES, pending=pending, many=WORDS)


@area.get("/zones.csv")
@permission("dns:read")
def download() -> ResponseReturnValue:
    """The same list as a file."""
    wanted = asked("state", "look")
    return csv_answer(wanted.in_order(_query(wanted), sorts=SORTS, default="name"), COLUMNS, name="zones")


@area.get("/zones/<uuid:zone_id>")
@permission("dns:read")
def show(zone_id: uuid.UUID) -> ResponseReturnValue:
    """One zone: facts, problem, whose name it is, what looks wrong, its records, its keys, its timeline."""
    zone, wanted = actions.get_zone(actor(), zone_id), asked("type")
    listing = sets_listing(zone, wanted)
    offers, notes = offers_of(zone) if zone.want == "put" else ({}, [])
    return render_template(
        "zones/show.html", zone=zone, names=names_of(zone), listing=listing, types=types_of(zone), offers=offers,
        notes=notes, keeper=keeper, whole=whole, proof=get_proof(actor(), zone_id), finding_words=finding_words,
        remarks=_remarks(zone), parent=parent_words(zone), pending=is_unsettled(zone), network=network_of(zone.name),
        answers=answers_of(zone), late=late(zone), lines=timeline_of(actor(), "zone", zone_id, most=EVENTS_SHOWN),
    )  # fmt: skip


@area.route("/zones/new", methods=["GET", "POST"])
@permission("dns:write")
def create() -> ResponseReturnValue:
    """A new zone."""
    form = NewZoneForm(data={"member_id": asked_id("member") or only_member()})
    form.offer(actor())
    remarks: list[Any] = []
    changed = form.attempt(lambda: _noting(remarks, lambda: actions.create_zone(actor(), **form.values())))
    if changed is None:
        return render_template("zones/new.html", form=form, remarks=told(remarks), whole=whole), form.status
    if changed.zone.is_held:
        flash(_("Zone %(name)s is kept, but not served yet: show first whose the name is.", name=changed.zone.name),
              "warning")  # fmt: skip
    else:
        flash(_("Zone %(name)s is being set up.", name=to_unicode(changed.zone.name)), "success")
    return redirect(url_for("zones.show", zone_id=changed.zone.id), 303)


@area.get("/zones/<uuid:zone_id>/file/<form>")
@permission("dns:read")
def export(zone_id: uuid.UUID, form: str) -> ResponseReturnValue:
    """The zone as a file: a zone file or JSON."""
    file = exporting.export_zone(actor(), zone_id=zone_id, form=form)
    answer = Response(file.text, mimetype=file.media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{file.file_name}"'
    return answer


def only_member() -> uuid.UUID | None:
    """The member for whom somebody with one member makes zones."""
    mine = {one for grant in actor().grants for one in grant.member_ids or () if "dns:write" in grant.permissions}
    return next(iter(mine)) if len(mine) == 1 and not actor().may_everywhere("dns:write") else None


def _query(wanted: Asked) -> Select[Zone]:
    state = wanted.filter("state")
    return zones_query(
        actor(), search=wanted.search, state=state if state in RESOURCE_STATES else None, member_id=asked_id("member"),
        look=wanted.filter("look"),
    )  # fmt: skip


def _remarks(zone: Zone) -> list[Any] | None:
    """What looks wrong in the zone as it is; None where it is too large to look each time it is opened."""
    found = remarks_of([zone])[zone.id]
    return None if found is None else told(found)


def _noting(remarks: list[Any], action: Callable[[], actions.Changed]) -> actions.Changed:
    """Do ``action``, keeping what the lint says where it is refused for that."""
    try:
        return action()
    except (Invalid, Conflict) as error:
        remarks += error.params.get("remarks", [])
        raise
