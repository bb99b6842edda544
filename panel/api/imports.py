"""Imports: a table is uploaded, looked at row by row, and carried out."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

from panel.api.fields import Boolean, Id, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.reading import parse
from panel.api.schemas import page_of, ref
from panel.imports import actions
from panel.imports.kinds import KINDS
from panel.imports.models import ROW_STATES, STATES, VERDICTS, Import, ImportRow
from panel.imports.reporting import report_lines
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import Invalid
from panel.kernel.i18n import _
from panel.shapes import imports as shapes
from panel.shapes import orders
from panel.wording import describe

_ROWS_SHOWN = 50
_NAMES = sorted({column.name for importer in KINDS.values() for column in importer.columns})
_MAPPING = Shape(fields={name: Text(most=100) for name in _NAMES}, says="Field → heading of the column that holds it.")
_UPLOAD = {
    "kind": Text(choices=tuple(KINDS), says="`mailboxes` if not given."),
    "member_id": Id(says="Whose the rows are that do not say."),
    "mapping": Text(says="A JSON object, field → heading; guessed from the headings where not given."),
}
_FILTERS = {"state": Text(choices=STATES), "kind": Text(choices=tuple(KINDS)), "member_id": Id()}
_CHANGE = Shape(fields={"mapping": _MAPPING, "member_id": Id(nullable=True)})


@operation(
    "GET",
    "/imports",
    permission=actions.PERMISSION,
    query=list_parameters(orders.IMPORTS, _FILTERS),
    answer=page_of("Import"),
)
def list_imports(actor: Actor, ask: Ask) -> Answer:
    """List imports, newest first: one's own, all for who imports for the association; `search` covers file names."""
    columns = {"state": Import.state, "kind": Import.kind, "member_id": Import.member_id}
    query = narrowed(ask, actions.imports_query(actor), columns)
    for word in ask.query.get("search", "").split():
        query = query.where(Import.file_name.icontains(word, autoescape=True))
    return list_answer(ask, query, _shape, sorts=orders.IMPORTS, default="-created_at")


@operation(
    "POST",
    "/imports",
    permission=actions.PERMISSION,
    upload=True,
    form=_UPLOAD,
    answer=ref("Import"),
    statuses=(201,),
)
def upload_import(actor: Actor, ask: Ask) -> Answer:
    """Upload CSV or XLSX and see what would become of each row. Nothing is made until it is committed."""
    upload = request.files.get("file")
    if upload is None:
        raise Invalid("required", field="file")
    given = {name: value for name, value in ask.body.items() if name != "mapping"}
    mapping = _mapping(ask.body["mapping"]) if "mapping" in ask.body else None
    one = actions.start_import(
        actor, content=upload.read(), file_name=upload.filename or "", mapping=mapping, **{"kind": "mailboxes"} | given
    )
    return _answer(one, status=201)


@operation("GET", "/imports/<uuid:id>", permission=actions.PERMISSION, answer=ref("Import"))
def show_import(actor: Actor, ask: Ask) -> Answer:
    """Show an import with its first rows."""
    return _answer(actions.get_import(actor, ask.id))


@operation("PATCH", "/imports/<uuid:id>", permission=actions.PERMISSION, body=_CHANGE, answer=ref("Import"))
def change_import(actor: Actor, ask: Ask) -> Answer:
    """Correct which column holds what, or whose the rows are that do not say; all rows are checked again."""
    one = actions.get_import(actor, ask.id)
    mapping = ask.body.get("mapping", one.mapping)
    member_id = ask.body.get("member_id", one.member_id)
    return _answer(actions.remap_import(actor, ask.id, mapping=mapping, member_id=member_id))


@operation(
    "GET",
    "/imports/<uuid:id>/rows",
    permission=actions.PERMISSION,
    query=list_parameters(orders.IMPORT_ROWS, {"verdict": Text(choices=VERDICTS), "state": Text(choices=ROW_STATES)}),
    answer=page_of("ImportRow"),
)
def list_import_rows(actor: Actor, ask: Ask) -> Answer:
    """List the rows of an import."""
    one = actions.get_import(actor, ask.id)
    filters = {name: ask.query.get(name) for name in ("verdict", "state")}
    query = actions.rows_query(one, search=ask.query.get("search", ""), **filters)
    return list_answer(ask, query, lambda row: _row(one, row), sorts=orders.IMPORT_ROWS, default="line")


@operation(
    "POST",
    "/imports/<uuid:id>/commit",
    permission=actions.PERMISSION,
    body=Shape(fields={"only_good": Boolean(says="Leave out rows with errors; else they stop it.")}),
    answer=ref("Import"),
    statuses=(202,),
)
def commit_import(actor: Actor, ask: Ask) -> Answer:
    """Have an import carried out by workers, in portions. Follow it at `Location` until its `state` is `done`."""
    one = actions.commit_import(actor, ask.id, only_good=ask.body.get("only_good", False))
    return Answer(body=_shape(one), status=202, location=f"/api/v1/imports/{ask.id}")


@operation("POST", "/imports/<uuid:id>/cancel", permission=actions.PERMISSION, answer=ref("Import"))
def cancel_import(actor: Actor, ask: Ask) -> Answer:
    """Stop an import that is being carried out; what was done stays."""
    return Answer(body=_shape(actions.cancel_import(actor, ask.id)))


@operation("GET", "/imports/<uuid:id>/report.csv", permission=actions.PERMISSION)
def read_import_report(actor: Actor, ask: Ask) -> Answer:
    """Read the file again as CSV, with what became of each line; without passwords."""
    one = actions.get_import(actor, ask.id)
    headings = [_("Line"), _("State"), _("Why")]
    lines = report_lines(one, headings=headings, state=lambda row: row.state, describe=describe)
    return Answer(file=("".join(lines).encode(), "text/csv; charset=utf-8", "report.csv"))


@operation("DELETE", "/imports/<uuid:id>", permission=actions.PERMISSION, answer=ref("Import"))
def remove_import(actor: Actor, ask: Ask) -> Answer:
    """Forget an import with its rows; what it made stays."""
    body = _shape(actions.get_import(actor, ask.id))
    actions.remove_import(actor, ask.id)
    return Answer(body=body)


def _answer(one: Import, status: int = 200) -> Answer:
    rows = db.session.scalars(actions.rows_query(one).order_by(ImportRow.line).limit(_ROWS_SHOWN)).all()
    body = _shape(one) | {"rows": [_row(one, row) for row in rows]}
    return Answer(body=body, status=status, location=f"/api/v1/imports/{one.id}" if status == 201 else None)


def _shape(one: Import) -> dict[str, Any]:
    return shapes.import_(one, describe)


def _row(one: Import, row: ImportRow) -> dict[str, Any]:
    return shapes.import_row(one, row, actions.cells_of(one, [row])[row.line], describe)


def _mapping(text: str) -> dict[str, Any]:
    """The mapping in a form's field. Raises Invalid ``mapping``."""
    try:
        value = parse(text.encode())
    except BadRequest:
        raise Invalid("type_bad", field="mapping") from None
    read: dict[str, Any] = _MAPPING.read("mapping", value)
    return read
