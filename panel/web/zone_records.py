"""Pages that change the records of a zone: type by type, as a zone file, one set away, back to what keeps it."""

from __future__ import annotations

import uuid

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from panel.dns import actions, managed
from panel.dns.content import Content, diff
from panel.dns.holding import zone_content
from panel.dns.judging import Wanted
from panel.dns.models import Zone, ZoneSet
from panel.dns.pointing import Pointer, keep_pointer, zone_pointers
from panel.dns.previewing import preview_change
from panel.dns.records.editors import EDITORS
from panel.dns.records.fields import editor_of
from panel.dns.records.types import type_called
from panel.dns.zonefile import read_zone, write_zone
from panel.kernel.db import db
from panel.kernel.errors import Invalid, NotFound
from panel.kernel.i18n import _
from panel.ledger.offers import SOURCES
from panel.web.forms.base import PanelForm
from panel.web.forms.zones import ChangeForm, RecordForm, TextForm, record_form
from panel.web.session import actor, permission
from panel.web.zone_parts import keeper, names_of, reverse_hint
from panel.web.zone_steps import in_steps
from panel.wording import describe
from provisioning.record_sets import RecordSet

area = Blueprint("zone_records", __name__, url_prefix="/dns/zones/<uuid:zone_id>/records")

TEXT_MOST = 3_000
"""So many sets are edited as one text; a larger zone is imported as a file."""
FAULTS_SHOWN = 20


@area.get("/new")
@permission("dns:write")
def choose(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Which type of record, each explained."""
    zone = _zone(zone_id)
    return render_template("zones/choose.html", zone=zone, names=names_of(zone), editors=list(EDITORS.values()))


@area.route("/edit", methods=["GET", "POST"])
@permission("dns:write")
def edit(zone_id: uuid.UUID) -> ResponseReturnValue:
    """The records of one name and type: those in ``?name=&type=``, or new ones of ``?type=``."""
    zone, name, type_ = _zone(zone_id), request.args.get("name"), _asked_type()
    row = None if name is None else db.session.get(ZoneSet, (zone_id, name, type_))
    if name is not None and row is None:
        raise NotFound("not_found")
    form = record_form(editor_of(type_), name=name or "", ttl=row.ttl or None if row else None,
                       values=row.values if row else (), version=zone.version)  # fmt: skip
    if name is not None:
        form.name.data = name
    if form.step == "row":
        form.rows.append_entry()

    def page() -> str:
        return render_template("zones/record.html", zone=zone, names=names_of(zone), form=form, row=row, name=name,
                               editor=form.editor, keeper=keeper(row.source) if row else None,
                               reverse_hint=reverse_hint(zone.name))  # fmt: skip

    def wanted() -> Wanted:
        one = form.wanted(zone.name)
        if name is None:
            _require_new(zone, form, one)
        return one

    return in_steps(
        zone_id, zone, form, page=page, heading=_("Records %(type)s", type=type_),
        preview=lambda: preview_change(actor(), zone_id=zone_id, changes=[wanted()]),
        save=lambda version, sure: actions.change_zone(
            actor(), zone_id=zone_id, changes=[wanted()], comment=form.comment.text, expected_version=version,
            accept_warnings=sure,
        ),
    )  # fmt: skip


@area.route("/remove", methods=["GET", "POST"])
@permission("dns:write")
def remove(zone_id: uuid.UUID) -> ResponseReturnValue:
    """The records in ``?name=&type=``, gone."""
    zone, name, type_ = _zone(zone_id), request.args.get("name", ""), _asked_type()
    if db.session.get(ZoneSet, (zone_id, name, type_)) is None:
        raise NotFound("not_found")
    form = ChangeForm()
    return in_steps(
        zone_id, zone, form, page=None, heading=_("Remove records %(type)s", type=type_),
        preview=lambda: preview_change(actor(), zone_id=zone_id, changes=[Wanted(name=name, type=type_)]),
        save=lambda version, sure: actions.delete_set(
            actor(), zone_id=zone_id, name=name, type=type_, comment=form.comment.text, expected_version=version,
            accept_warnings=sure,
        ),
    )  # fmt: skip


@area.route("/text", methods=["GET", "POST"])
@permission("dns:write")
def text(zone_id: uuid.UUID) -> ResponseReturnValue:
    """All records as a zone file."""
    zone = _zone(zone_id)
    count = db.session.scalar(select(func.count()).select_from(ZoneSet).where(ZoneSet.zone_id == zone_id)) or 0
    if count > TEXT_MOST:
        flash(_("This zone is too large to be edited as one text. Export it, change the file, and import it."), "info")
        return redirect(url_for("zones.show", zone_id=zone_id))
    form = TextForm(data={"text": _text_of(zone), "version": str(zone.version)})

    def page() -> str:
        return render_template("zones/text.html", zone=zone, names=names_of(zone), form=form)

    return in_steps(
        zone_id, zone, form, page=page, heading=_("Zone file"),
        preview=lambda: preview_change(actor(), zone_id=zone_id, changes=_typed(zone, form)),
        save=lambda version, sure: actions.change_zone(
            actor(), zone_id=zone_id, changes=_typed(zone, form), comment=form.comment.text, expected_version=version,
            accept_warnings=sure,
        ),
    )  # fmt: skip


@area.route("/give-back", methods=["GET", "POST"])
@permission("dns:write")
def give_back(zone_id: uuid.UUID) -> ResponseReturnValue:
    """The records in ``?name=&type=`` as what keeps them offers them."""
    zone, sources = _zone(zone_id), current_app.extensions.get(SOURCES, ())
    name, type_ = request.args.get("name", ""), _asked_type()
    offered = {(one.offered.name, one.offered.type): one for one in
               managed.zone_offers(actor(), sources, zone_id=zone_id)[0]}.get((name, type_))  # fmt: skip
    if offered is None:
        raise NotFound("not_found")
    form = PanelForm()
    if form.attempt(lambda: _take(zone_id, name, type_)) is None:
        return render_template("zones/give_back.html", zone=zone, names=names_of(zone), form=form, offered=offered,
                               keeper=keeper(offered.source)), form.status  # fmt: skip
    flash(_("The records are kept up to date again."), "success")
    return redirect(url_for("zones.show", zone_id=zone_id), 303)


@area.route("/pointers", methods=["GET", "POST"])
@permission("dns:write")
def pointers(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Which addresses have their names (PTR) follow them."""
    zone, form = _zone(zone_id), PanelForm()
    found = zone_pointers(actor(), zone_id=zone_id)
    if form.attempt(lambda: _keep(zone_id, found)) is None:
        return render_template(
            "zones/pointers.html", zone=zone, names=names_of(zone), form=form, rows=_by_set(found)
        ), form.status
    flash(_("Saved."), "success")
    return redirect(url_for("zone_records.pointers", zone_id=zone_id), 303)


def _take(zone_id: uuid.UUID, name: str, type_: str) -> bool:
    """Have what keeps the set do so again."""
    sources = current_app.extensions.get(SOURCES, ())
    managed.take_offer(actor(), sources, zone_id=zone_id, name=name, type_=type_)
    return True


def _keep(zone_id: uuid.UUID, found: list[Pointer]) -> bool:
    """Switch the sets whose box was ticked or cleared."""
    chosen = set(request.form.getlist("keep"))
    for name, type_, kept in sorted({(one.name, one.type, one.kept) for one in found if one.may}):
        if (f"{name} {type_}" in chosen) != kept:
            keep_pointer(actor(), zone_id=zone_id, name=name, type_=type_, keep=not kept)
    return True


def _by_set(found: list[Pointer]) -> list[tuple[Pointer, list[Pointer]]]:
    """The addresses of each set, with one of them for all that is the same."""
    keys = dict.fromkeys((one.name, one.type) for one in found)
    sets = [[one for one in found if (one.name, one.type) == key] for key in keys]
    return [(next((one for one in some if one.may), some[0]), some) for some in sets]


def _zone(zone_id: uuid.UUID) -> Zone:
    return actions.get_zone(actor(), zone_id, permission="dns:write")


def _asked_type() -> str:
    """The type in the address, as the panel calls it. Raises NotFound."""
    try:
        return type_called(request.args.get("type", ""))
    except Invalid:
        raise NotFound("not_found") from None


def _require_new(zone: Zone, form: RecordForm, wanted: Wanted) -> None:
    """New records do not take the place of others unseen. Raises Invalid ``set_there``."""
    found = preview_change(actor(), zone_id=zone.id, changes=[wanted])
    if any(one.before is not None for one in found.changes) and form.base == zone.version:
        raise Invalid("set_there", field="name", name=found.changes[0].name, type=wanted.type)


def _text_of(zone: Zone) -> str:
    """The zone file to edit: without its start, which is changed on its own page."""
    content = zone_content(zone)
    lines = write_zone(zone.name, content.soa, content.sets, 0).splitlines()
    return "\n".join([lines[0], "$TTL 3600", *lines[2:], ""])


def _typed(zone: Zone, form: TextForm) -> list[Wanted | RecordSet]:
    """What the text changes of the version on which it is based. Raises Invalid with every line at fault."""
    read = read_zone({"text": str(form.text.data or "").encode()}, main="text", origin=zone.name)
    faults = [Invalid(one.code, field="text", line=one.line, **one.params) for one in read.refusals]
    if faults or read.soa is not None:
        for one in faults[:FAULTS_SHOWN]:
            words = _("Line %(line)s: %(words)s", line=one.params["line"], words=describe(one))
            form.text.errors = [*form.text.errors, words]
        raise Invalid("type_soa" if not faults else "text_lines", field="text", count=read.refused)
    base = actions.content_at(zone, form.base) if 1 <= form.base <= zone.version else zone_content(zone)
    changes = diff(base, Content(base.name, base.soa, read.sets))
    return [Wanted(name=one.name, type=one.type) if one.after is None else one.after for one in changes]
