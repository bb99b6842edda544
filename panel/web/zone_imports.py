"""Pages by which zones come from elsewhere: a file or the old server, shown as a difference, then taken over."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.dns import importing
from panel.dns.actions import get_zone
from panel.dns.holding import Kept, kept_sets
from panel.dns.imports import ZoneImport
from panel.dns.models import Zone
from panel.kernel.db import db
from panel.kernel.errors import Invalid, NotFound
from panel.kernel.i18n import _
from panel.web.asked_id import asked_id
from panel.web.forms.zone_imports import FilesForm, TakeOverForm, TransferForm
from panel.web.session import actor, permission
from panel.web.zone_parts import keeper, told
from panel.web.zone_steps import done
from panel.web.zones import only_member
from panel.wording import describe
from panel.wording.zone_lint import note_words

area = Blueprint("zone_imports", __name__, url_prefix="/dns/imports")

OPEN_SHOWN, REFUSALS_SHOWN = 20, 200


@area.route("/files", methods=["GET", "POST"])
@permission("dns:write")
def files() -> ResponseReturnValue:
    """A zone file, typed in or uploaded with those that it includes."""
    form = FilesForm(data=_begin())
    form.offer(actor())
    preview = form.attempt(lambda: importing.preview_files(actor(), **form.values()))
    if preview is None:
        return render_template("zones/import_files.html", form=form, waiting=_waiting()), form.status
    return _to(preview.row)


@area.route("/transfer", methods=["GET", "POST"])
@permission("dns:write")
def transfer() -> ResponseReturnValue:
    """A zone fetched from the server that has it now."""
    form = TransferForm(data=_begin())
    form.offer(actor())
    preview = form.attempt(lambda: importing.preview_transfer(actor(), **form.values()))
    if preview is None:
        return render_template("zones/import_transfer.html", form=form), form.status
    return _to(preview.row)


@area.route("/<uuid:zone_import_id>", methods=["GET", "POST"])
@permission("dns:write")
def show(zone_import_id: uuid.UUID) -> ResponseReturnValue:
    """What taking it over would do; then it is done."""
    preview, form = importing.get_preview(actor(), zone_import_id), TakeOverForm()
    if request.method == "GET" and preview.is_elsewhere:
        form.our_servers.data = True
    changed = form.attempt(lambda: importing.take_over(actor(), import_id=zone_import_id, **form.values()))
    if changed is not None:
        return done(changed.zone.id, changed)
    preview = importing.get_preview(actor(), zone_import_id)
    page = render_template(
        "zones/import.html", form=form, preview=preview, row=preview.row, remarks=told(preview.remarks),
        zone=None if preview.row.zone_id is None else db.session.get(Zone, preview.row.zone_id),
        refusals=[_refusal(one) for one in preview.row.refusals[:REFUSALS_SHOWN]],
        kept={key: (keeper(one.source), one.overridden) for key, one in _kept(preview.row).items()},
        notes=[(one, note_words(one["code"], one["params"])) for one in preview.row.notes],
    )  # fmt: skip
    return page, form.status


@area.post("/<uuid:zone_import_id>/forget")
@permission("dns:write")
def forget(zone_import_id: uuid.UUID) -> ResponseReturnValue:
    """Throw away what was read."""
    importing.forget_import(actor(), import_id=zone_import_id)
    flash(_("What was read is thrown away. Nothing was changed."), "success")
    return redirect(url_for("zone_imports.files"), 303)


def _begin() -> dict[str, object]:
    """Whose zone it is and its name, where the address says it: by ``?zone=``, or ``?member=``."""
    zone_id = asked_id("zone")
    if zone_id is None:
        return {"member_id": asked_id("member") or only_member()}
    zone = get_zone(actor(), zone_id, permission="dns:write")
    if zone.want != "put":
        raise NotFound("not_found")
    return {"member_id": zone.member_id, "name": zone.name}


def _waiting() -> list[ZoneImport]:
    return list(db.session.scalars(importing.imports_query(actor()).limit(OPEN_SHOWN)))


def _kept(row: ZoneImport) -> dict[tuple[str, str], Kept]:
    return {} if row.zone_id is None else kept_sets(row.zone_id)


def _refusal(one: dict[str, Any]) -> tuple[str, int, str]:
    """File, line and words of what was refused."""
    return one["file"], one["line"], describe(Invalid(one["code"], **one["params"]))


def _to(row: ZoneImport) -> ResponseReturnValue:
    return redirect(url_for("zone_imports.show", zone_import_id=row.id), 303)
