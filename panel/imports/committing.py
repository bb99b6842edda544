"""Carrying imports out: in portions, each a transaction that also notes what became of its rows.

A worker claims an import for a time by the database's clock and renews the claim in every portion's transaction. One
that dies leaves a claim that ends and rows that are done or not; one that was too slow finds its claim gone, and its
last portion is not written. So every row is done once, whoever does it.
"""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, or_, select, update

from panel.imports.acting import actor_of
from panel.imports.actions import PERMISSION, cells_of, close, without_secrets
from panel.imports.checking import as_json, check_lines
from panel.imports.importer import Importer, Verdict
from panel.imports.kinds import importer_of
from panel.imports.mapping import secret_places
from panel.imports.models import Import, ImportRow
from panel.kernel.access import SYSTEM, Actor, require
from panel.kernel.bulk import execute_many
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import NotAllowed, PanelError
from panel.ledger.events import record

PORTION, PORTION_SECRET = 1_000, 100
"""Rows written at once; fewer where each has a password, which takes some 30 ms to hash."""

CLAIM_SECONDS = 60
_QUIET = {"synchronize_session": False}

log = logging.getLogger("cis.imports")


class ClaimLost(Exception):
    """Somebody stopped the import, or another worker took it over: nothing of this portion is written."""


def carry_out_imports(actor: Actor) -> None:
    """Do what was committed and nobody is at, one import after the other, to the end."""
    require(actor, "nodes:write", staff=True)
    while (found := _claim()) is not None:
        try:
            while carry_on(*found):
                pass
        except ClaimLost:
            log.info("import %s was stopped or taken over", found[0])


def carry_out_one(import_id: uuid.UUID, *, seconds: float) -> bool:
    """Work for some ``seconds`` on one import unless another process is at it; tell whether it was at work here."""
    found = _claim(import_id)
    until = time.monotonic() + seconds
    try:
        while found is not None and carry_on(*found):
            if time.monotonic() > until:
                _release(*found)
                break
    except ClaimLost:
        return True
    return found is not None


def carry_on(import_id: uuid.UUID, claim: str) -> bool:
    """Write the next portion; False once there is none and the import is done. Raises ClaimLost."""
    one = db.session.get_one(Import, import_id, populate_existing=True)
    importer = importer_of(one.kind)
    most = PORTION_SECRET if secret_places(importer, one.columns, one.mapping) else PORTION
    good = (ImportRow.import_id == one.id, ImportRow.state == "waiting", ImportRow.verdict != "error")
    rows = db.session.scalars(select(ImportRow).where(*good).order_by(ImportRow.line).limit(most)).all()
    if not rows:
        _finish(one, claim)
        return False
    _write_portion(one, claim, importer, list(rows))
    return True


def _write_portion(one: Import, claim: str, importer: Importer, rows: list[ImportRow]) -> None:
    """Check ``rows`` as of now and write the good ones; what is refused meanwhile is noted, the rest goes on.

    A row that an action refuses although its check was fine (something changed in between) is left out, and the others
    are tried again.
    """
    failed: dict[int, list[PanelError]] = {}
    while True:
        left = [row for row in rows if row.line not in failed]
        verdicts = _verdicts(one, importer, left, failed)
        left = [row for row in left if row.line not in failed]
        try:
            write = importer.prepare(_require_actor(one, importer), verdicts) if verdicts else list
            with unit_of_work():
                _renew(one.id, claim)
                ids = write()
                _note(one, rows, failed, dict(zip((row.line for row in left), ids, strict=True)))
                return
        except PanelError as error:
            place = error.params.get("row")
            blamed = left if not isinstance(place, int) else [left[place]]
            if not blamed:
                raise
            failed |= {row.line: [error] for row in blamed}


def _verdicts(
    one: Import, importer: Importer, rows: Sequence[ImportRow], failed: dict[int, list[PanelError]]
) -> list[Verdict]:
    """The verdicts of the rows that are good by now; the others are put into ``failed``."""
    actor = actor_of(one)
    if actor is None or not rows:
        failed |= {row.line: [NotAllowed("not_allowed", permission=PERMISSION)] for row in rows}
        return []
    try:
        _require_actor(one, importer)
        checked = check_lines(actor, importer, one, list(cells_of(one, rows).items()))
    except PanelError as error:
        failed |= {row.line: [error] for row in rows}
        return []
    verdicts = [] if checked is None else checked.verdicts
    failed |= {row.line: one.errors for row, one in zip(rows, verdicts, strict=True) if one.errors}
    return [verdict for verdict in verdicts if not verdict.errors]


def _require_actor(one: Import, importer: Importer) -> Actor:
    actor = actor_of(one)
    if actor is None:
        raise NotAllowed("not_allowed", permission=PERMISSION)
    require(actor, PERMISSION, one.member_id)
    importer.require(actor, one.member_id)
    return actor


def _note(
    one: Import,
    rows: Sequence[ImportRow],
    failed: dict[int, list[PanelError]],
    ids: dict[int, uuid.UUID | None],
) -> None:
    """Write down what became of each row, and forget its secrets."""
    strip = without_secrets(one)
    same = ImportRow.import_id == one.id
    told = [
        {
            "row": row.line,
            "new_cells": strip(row.line, row.cells),
            "new_state": "failed" if row.line in failed else "done",
            "new_problems": [as_json(error) for error in failed[row.line]] if row.line in failed else row.problems,
            "made": ids.get(row.line),
        }
        for row in rows
    ]
    change = update(ImportRow).where(same, ImportRow.line == bindparam("row")).values(
        cells=bindparam("new_cells"), state=bindparam("new_state"), problems=bindparam("new_problems"),
        resource_id=bindparam("made"),
    )  # fmt: skip
    execute_many(change, told)
    now = db.session.get_one(Import, one.id)
    counts = Counter(now.counts)
    counts.update("failed" if row.line in failed else "done" for row in rows)
    now.counts = dict(counts)


def _free() -> ColumnElement[bool]:
    unclaimed = or_(Import.claimed_until.is_(None), Import.claimed_until <= database_now())
    return (Import.state == "committing") & unclaimed


def _claim(import_id: uuid.UUID | None = None) -> tuple[uuid.UUID, str] | None:
    """Take the import that waits longest, or the one asked for; None where none is free."""
    query = select(Import.id).where(_free()).order_by(Import.committed_at)
    query = query if import_id is None else query.where(Import.id == import_id)
    found = db.session.scalar(query.limit(1))
    if found is None:
        return None
    claim = secrets.token_hex(8)
    with unit_of_work():
        statement = update(Import).where(Import.id == found, _free())
        statement = statement.values(claim=claim, claimed_until=database_now(CLAIM_SECONDS))
        taken = db.session.execute(statement.returning(Import.id), execution_options=_QUIET).first()
    return None if taken is None else (found, claim)


def _renew(import_id: uuid.UUID, claim: str) -> None:
    statement = update(Import).where(Import.id == import_id, Import.claim == claim, Import.state == "committing")
    statement = statement.values(claimed_until=database_now(CLAIM_SECONDS))
    if db.session.execute(statement.returning(Import.id), execution_options=_QUIET).first() is None:
        raise ClaimLost


def _release(import_id: uuid.UUID, claim: str) -> None:
    with unit_of_work():
        statement = update(Import).where(Import.id == import_id, Import.claim == claim)
        db.session.execute(statement.values(claim=None, claimed_until=None), execution_options=_QUIET)


def _finish(one: Import, claim: str) -> None:
    """End it: rows with errors are left out."""
    with unit_of_work():
        _renew(one.id, claim)
        now = db.session.get_one(Import, one.id, populate_existing=True)
        close(now, "done")
        actor = actor_of(now) or SYSTEM
        record(
            actor, "imports:import:done", kind="import", resource_id=now.id, name=now.file_name,
            member_id=now.member_id, what=now.kind, done=now.counts.get("done", 0), failed=now.counts.get("failed", 0),
        )  # fmt: skip
