"""Pages of imports: upload, what would become of each row, which column holds what, carrying out, the report."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from panel.imports import actions
from panel.imports.checking import as_error
from panel.imports.kinds import KINDS
from panel.imports.made import portions_made
from panel.imports.models import ROW_STATES, VERDICTS, Import, ImportRow
from panel.imports.reporting import report_lines
from panel.kernel.errors import PanelError
from panel.kernel.i18n import _
from panel.shapes.imports import values_of
from panel.shapes.orders import IMPORT_ROWS, IMPORTS
from panel.web.asked_id import asked_id
from panel.web.forms.base import PanelForm
from panel.web.forms.imports import UploadForm, mapping_form
from panel.web.lists import asked
from panel.web.session import actor, permission
from panel.wording import describe, field_label, import_kind_word, import_plan, state_look, would_word

area = Blueprint("imports", __name__, url_prefix="/imports")


@area.get("/")
@permission(actions.PERMISSION)
def show_list() -> ResponseReturnValue:
    """Imports in scope, newest first."""
    listing = asked().read(actions.imports_query(actor()), sorts=IMPORTS, default="-created_at")
    pending = any(one.state == "committing" for one in listing.items)
    return render_template("imports/list.html", listing=listing, pending=pending, kind_word=import_kind_word)


@area.route("/new", methods=["GET", "POST"])
@permission(actions.PERMISSION)
def upload() -> ResponseReturnValue:
    """A file, what is in it, and whose it is where rows do not say."""
    form = UploadForm(data={"kind": request.args.get("kind"), "member_id": asked_id("member")})
    form.offer([kind for kind in KINDS if _may(kind)])
    one = form.attempt(lambda: actions.start_import(actor(), **form.values()))
    if one is None:
        return render_template("imports/new.html", form=form, fields=_fields()), form.status
    return _to(one)


@area.get("/<uuid:import_id>")
@permission(actions.PERMISSION)
def show(import_id: uuid.UUID) -> ResponseReturnValue:
    """What would become of each row, or what did."""
    one, wanted = actions.get_import(actor(), import_id), asked("verdict", "state")
    chosen = {
        name: wanted.filter(name) if wanted.filter(name) in known else None
        for name, known in (("verdict", VERDICTS), ("state", ROW_STATES))
    }
    query = actions.rows_query(one, search=wanted.search, **chosen)
    listing = wanted.read(query, sorts=IMPORT_ROWS, default="line")
    cells = actions.cells_of(one, listing.items)
    values = {line: values_of(one, row) for line, row in cells.items()}
    return render_template(
        "imports/show.html", one=one, listing=listing, values=values, labels=_labels(one), told=_told,
        pending=one.state == "committing", problems=[describe(as_error(kept)) for kept in one.problems],
        verdicts=VERDICTS, states=ROW_STATES, would_word=would_word, kind_word=import_kind_word, made=_made(one),
    )  # fmt: skip


@area.route("/<uuid:import_id>/columns", methods=["GET", "POST"])
@permission(actions.PERMISSION)
def columns(import_id: uuid.UUID) -> ResponseReturnValue:
    """Which column holds what."""
    one = actions.get_import(actor(), import_id)
    form = mapping_form(one)
    changed = form.attempt(lambda: actions.remap_import(actor(), import_id, **form.values()))
    if changed is None:
        return render_template("imports/columns.html", form=form, one=one), form.status
    return _to(one)


@area.route("/<uuid:import_id>/commit", methods=["GET", "POST"])
@permission(actions.PERMISSION)
def commit(import_id: uuid.UUID) -> ResponseReturnValue:
    """What will happen; then it does."""
    one, form = actions.get_import(actor(), import_id), PanelForm()
    only_good = bool(one.counts.get("error"))
    if form.attempt(lambda: actions.commit_import(actor(), import_id, only_good=only_good)) is None:
        return render_template("imports/commit.html", form=form, one=one, plan=import_plan(one)), form.status
    return _to(one)


@area.post("/<uuid:import_id>/cancel")
@permission(actions.PERMISSION)
def cancel(import_id: uuid.UUID) -> ResponseReturnValue:
    """Stop; what was done stays."""
    one = actions.cancel_import(actor(), import_id)
    flash(_("The import is stopped. What was done by then stays."), "success")
    return _to(one)


@area.post("/<uuid:import_id>/remove")
@permission(actions.PERMISSION)
def remove(import_id: uuid.UUID) -> ResponseReturnValue:
    """Forget the file; what it made stays."""
    actions.remove_import(actor(), import_id)
    flash(_("The import is forgotten. What it made stays."), "success")
    return redirect(url_for("imports.show_list"), 303)


@area.get("/<uuid:import_id>/report.csv")
@permission(actions.PERMISSION)
def report(import_id: uuid.UUID) -> ResponseReturnValue:
    """The file again, with what became of each line."""
    one = actions.get_import(actor(), import_id)
    headings = [_("Line"), _("State"), _("Why")]
    lines = report_lines(one, headings=headings, state=_state_word, describe=describe)
    answer = Response(stream_with_context(lines), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="import.csv"'
    return answer


def _to(one: Import) -> ResponseReturnValue:
    return redirect(url_for("imports.show", import_id=one.id), 303)


def _may(kind: str) -> bool:
    try:
        KINDS[kind].require(actor(), None)
    except PanelError:
        return False
    return True


def _fields() -> dict[str, list[str]]:
    """What columns of each kind can hold, by label."""
    return {kind: [field_label(column.name) for column in KINDS[kind].columns] for kind in KINDS if _may(kind)}


def _made(one: Import) -> list[tuple[int, int]]:
    """The portions of new mailboxes whose holders somebody who may can be given links."""
    is_over = one.kind == "mailboxes" and one.finished_at is not None
    return portions_made(one) if is_over and actor().may("mail:password") and actor().may("mail:write") else []


def _labels(one: Import) -> dict[str, str]:
    return {name: field_label(name) for name in one.mapping}


def _told(row: ImportRow) -> list[tuple[str, str]]:
    """What is wrong with a row, or worth a look: field and words."""
    return [(field_label(kept["field"]) if kept["field"] else "", describe(as_error(kept))) for kept in row.problems]


def _state_word(row: ImportRow) -> str:
    return state_look("import_row", row.state).word
