"""The record as a whole: taken along by auditors, and freed of a person who asks for it."""

from __future__ import annotations

import uuid
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, redirect, render_template, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from panel.identity.erasing import erase_person, preview_erasure
from panel.identity.erasing_named import erase_named as erase_named_now
from panel.identity.erasing_named import preview_named
from panel.kernel.i18n import TIME_ZONE, _
from panel.ledger.exporting import export_lines
from panel.web.forms.records import EraseForm, EraseNamedForm, ExportForm
from panel.web.session import actor, permission, require_fresh
from panel.wording.places import place_counts

area = Blueprint("records", __name__, url_prefix="/records")


@area.route("/export", methods=["GET", "POST"])
@permission("records:export", staff=True)
def export() -> ResponseReturnValue:
    """Give the events of some days as lines that prove themselves."""
    form = ExportForm()
    lines = form.attempt(lambda: export_lines(actor(), since=_start(form.since.data), until=_end(form.until.data)))
    if lines is None:
        return render_template("records/export.html", form=form), form.status
    answer = Response(stream_with_context(lines), mimetype="application/x-ndjson")
    answer.headers["Content-Disposition"] = 'attachment; filename="events.jsonl"'
    return answer


@area.route("/people/<uuid:user_id>/erase", methods=["GET", "POST"])
@permission("records:erase", staff=True)
@require_fresh
def erase(user_id: uuid.UUID) -> ResponseReturnValue:
    """Show what erasing a person takes, and do it."""
    form = EraseForm()
    done = form.attempt(lambda: erase_person(actor(), user_id, reason=form.reason.text))
    if done:
        flash(_("The person is erased."), "success")
        return redirect(url_for("events.show_list", source="records"), 303)
    shown = preview_erasure(actor(), user_id)
    return render_template("records/erase.html", form=form, shown=shown, place_counts=place_counts), form.status


@area.route("/people/erase", methods=["GET", "POST"])
@permission("records:erase", staff=True)
@require_fresh
def erase_named() -> ResponseReturnValue:
    """Ask who, show what erasing a person without an account takes, and do it once a reason stands there."""
    form = EraseNamedForm()
    shown = form.attempt(lambda: preview_named(actor(), **form.who))
    if shown and form.sure.data:
        done = form.attempt(lambda: erase_named_now(actor(), reason=form.reason.text, **form.who))
        if done:
            flash(_("The person is erased."), "success")
            return redirect(url_for("events.show_list", source="records"), 303)
    return render_template("records/erase_named.html", form=form, shown=shown, place_counts=place_counts), form.status


def _start(day: datetime | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), ZoneInfo(TIME_ZONE))


def _end(day: datetime | None) -> datetime | None:
    return None if day is None else datetime.combine(day + timedelta(days=1), time(), ZoneInfo(TIME_ZONE))
