"""What can be done with imports: upload, look, map anew, commit, stop, remove."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, update

from panel.imports.checking import check_lines, store_rows
from panel.imports.importer import Importer
from panel.imports.kinds import importer_of
from panel.imports.mapping import checked_mapping, guess, known_headings, secret_places
from panel.imports.models import Import, ImportRow
from panel.imports.reading import Line, read_table
from panel.imports.sealing import sealer
from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many
from panel.kernel.db import database_now, db, new_id, read_row, unit_of_work
from panel.kernel.errors import Conflict, NotFound
from panel.kernel.text import fold, has_control
from panel.ledger.events import record

PERMISSION = "imports:write"
OPEN_MOST = 20
"""So many uncommitted imports one may leave lying; the database is no place to keep files."""


def start_import(
    actor: Actor,
    *,
    kind: str,
    content: bytes,
    file_name: str = "",
    mapping: Mapping[str, str] | None = None,
    member_id: uuid.UUID | None = None,
) -> Import:
    """Take a file in and say what would become of each row; nothing else is changed yet.

    ``mapping``: field → heading, guessed where not given. ``member_id``: whose rows are that do not say.
    Raises Invalid (``kind``, ``file``, ``mapping``), NotFound, NotAllowed, Conflict ``import_many_open``.
    """
    importer = _require(actor, kind, member_id)
    settings = current_app.config["CIS"]
    table = read_table(
        content,
        known=known_headings(importer),
        rows_most=settings.import_rows,
        bytes_most=settings.import_mb * 1_000_000,
    )
    chosen = guess(importer, table.columns) if mapping is None else checked_mapping(importer, table.columns, mapping)
    one = Import(
        id=new_id(), kind=kind, file_name=_shown_name(file_name), actor=actor.ref, actor_name=actor.name,
        user_id=actor.user_id, member_id=member_id, columns=table.columns, mapping=chosen, total=len(table.rows),
    )  # fmt: skip
    checked = check_lines(actor, importer, one, table.rows)
    with unit_of_work():
        _require_few_open(actor)
        db.session.add(one)
        db.session.flush()
        store_rows(importer, one, table.rows, checked)
        _record(actor, one, "upload", rows=one.total)
    return one


def remap_import(
    actor: Actor, import_id: uuid.UUID, *, mapping: Mapping[str, str], member_id: uuid.UUID | None = None
) -> Import:
    """Have columns mean something else, and check all rows again. Raises Invalid, Conflict ``import_not_open``."""
    one = get_import(actor, import_id)
    importer = _require(actor, one.kind, member_id)
    chosen = checked_mapping(importer, one.columns, mapping)
    lines = lines_of(one)
    draft = Import(columns=one.columns, mapping=chosen, member_id=member_id)
    checked = check_lines(actor, importer, draft, lines)
    with unit_of_work():
        one = _open(get_import(actor, import_id, for_change=True))
        one.mapping, one.member_id = chosen, member_id
        store_rows(importer, one, lines, checked)
        _record(actor, one, "map")
    return one


def imports_query(actor: Actor) -> Select[Import]:
    """One's own imports of kinds that are covered; whoever may import for the whole association sees all of these."""
    require(actor, PERMISSION)
    query = select(Import) if actor.kinds is None else select(Import).where(Import.kind.in_(actor.kinds))
    return query if actor.may_everywhere(PERMISSION) else query.where(_is_own(actor))


def get_import(actor: Actor, import_id: uuid.UUID, *, for_change: bool = False) -> Import:
    """One import. Raises NotFound for what is absent, or another's."""
    require(actor, PERMISSION)
    if db.session.scalar(imports_query(actor).with_only_columns(Import.id).where(Import.id == import_id)) is None:
        raise NotFound("not_found")
    one = read_row(Import, import_id, for_change=for_change)
    if one is None:
        raise NotFound("not_found")
    return one


def rows_query(
    one: Import, *, search: str = "", verdict: str | None = None, state: str | None = None
) -> Select[ImportRow]:
    """The rows of an import that one was given; ``search`` looks in all cells but secret ones."""
    query = select(ImportRow).where(ImportRow.import_id == one.id).execution_options(populate_existing=True)
    for word in fold(search).split():
        query = query.where(ImportRow.folded.contains(word, autoescape=True))
    query = query if verdict is None else query.where(ImportRow.verdict == verdict)
    return query if state is None else query.where(ImportRow.state == state)


def commit_import(actor: Actor, import_id: uuid.UUID, *, only_good: bool = False) -> Import:
    """Have workers carry it out: all rows, or with ``only_good`` those without an error. Asking twice asks once.

    Raises Conflict ``import_not_open``, ``import_has_errors`` (``number`` of rows), ``import_nothing``.
    """
    with unit_of_work():
        one = get_import(actor, import_id, for_change=True)
        _require(actor, one.kind, one.member_id)
        if one.state in ("committing", "done"):
            return one
        _open(one)
        bad = one.counts.get("error", 0)
        if bad and not only_good:
            raise Conflict("import_has_errors", number=bad)
        if bad == one.total:
            raise Conflict("import_nothing")
        one.state, one.only_good, one.committed_at = "committing", only_good, database_time()
        one.committed_by = actor.ref
        _record(actor, one, "commit", rows=one.total - bad, only_good=only_good)
    return one


def cancel_import(actor: Actor, import_id: uuid.UUID) -> Import:
    """Stop after the portion that is being written; what was done stays. Raises Conflict ``import_not_running``."""
    with unit_of_work():
        one = get_import(actor, import_id, for_change=True)
        if one.state != "committing":
            raise Conflict("import_not_running")
        close(one, "cancelled")
        _record(actor, one, "cancel")
    return one


def remove_import(actor: Actor, import_id: uuid.UUID) -> None:
    """Forget an import with all its rows; what it made stays. Raises Conflict ``import_running``."""
    with unit_of_work():
        one = get_import(actor, import_id, for_change=True)
        if one.state == "committing":
            raise Conflict("import_running")
        _record(actor, one, "remove")
        db.session.delete(one)


def lines_of(one: Import) -> list[Line]:
    """All rows of an import as they stood in the file, as far as they are still kept."""
    query = select(ImportRow.line, ImportRow.cells).where(ImportRow.import_id == one.id).order_by(ImportRow.line)
    _seal, unseal = sealer(current_app.config["CIS"], one.id)
    return [(row.line, unseal(row.line, row.cells)) for row in db.session.execute(query)]


def cells_of(one: Import, rows: Sequence[ImportRow]) -> dict[int, list[str]]:
    """The cells of some rows, by line."""
    _seal, unseal = sealer(current_app.config["CIS"], one.id)
    return {row.line: unseal(row.line, row.cells) for row in rows}


def close(one: Import, state: str) -> None:
    """End an import that was committed: rows that were not written are left out, and all are counted."""
    waiting = select(ImportRow.line, ImportRow.cells).where(ImportRow.import_id == one.id, ImportRow.state == "waiting")
    seal = without_secrets(one)
    left = [{"row": row.line, "rest": seal(row.line, row.cells)} for row in db.session.execute(waiting)]
    change = update(ImportRow).where(ImportRow.import_id == one.id, ImportRow.line == bindparam("row"))
    execute_many(change.values(state="left", cells=bindparam("rest")), left)
    query = select(ImportRow.state, func.count()).where(ImportRow.import_id == one.id).group_by(ImportRow.state)
    one.counts = one.counts | {row[0]: row[1] for row in db.session.execute(query)}
    one.state, one.finished_at, one.claim, one.claimed_until = state, database_time(), None, None


def without_secrets(one: Import) -> Callable[[int, bytes], bytes]:
    """How sealed cells are sealed again without their secrets, once the row is done with."""
    places = secret_places(importer_of(one.kind), one.columns, one.mapping)
    seal, unseal = sealer(current_app.config["CIS"], one.id)

    def strip(line: int, sealed: bytes) -> bytes:
        if not places:
            return sealed
        try:
            cells = unseal(line, sealed)
        except Conflict:
            return sealed  # nobody can read it, nor anything in it
        return seal(line, ["" if place in places else cell for place, cell in enumerate(cells)])

    return strip


def database_time() -> datetime:
    """Now, by the database's clock."""
    return db.session.scalars(select(database_now())).one()


def _is_own(actor: Actor) -> ColumnElement[bool]:
    """What the actor uploaded; a person also sees what their tokens did, a token no more than its own."""
    own = Import.actor == actor.ref
    return or_(own, Import.user_id == actor.user_id) if actor.ref == f"user:{actor.user_id}" else own


def _require(actor: Actor, kind: str, member_id: uuid.UUID | None) -> Importer:
    require(actor, PERMISSION, member_id)
    importer = importer_of(kind)
    importer.require(actor, member_id)
    return importer


def _open(one: Import) -> Import:
    if one.state != "checked":
        raise Conflict("import_not_open")
    return one


def _require_few_open(actor: Actor) -> None:
    query = select(func.count()).where(Import.actor == actor.ref, Import.state == "checked")
    if (db.session.scalar(query) or 0) >= OPEN_MOST:
        raise Conflict("import_many_open", most=OPEN_MOST)


def _shown_name(name: str) -> str:
    """The last part of whatever the browser calls the file: it is shown, and never used as a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if not has_control(char)).strip()[:100]


def _record(actor: Actor, one: Import, action: str, **data: Any) -> None:
    record(
        actor, f"imports:import:{action}", kind="import", resource_id=one.id, name=one.file_name,
        member_id=one.member_id, what=one.kind, **data,
    )  # fmt: skip
