"""From cells to stored verdicts."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import current_app
from sqlalchemy import delete, insert

from panel.imports.importer import Checked, Importer
from panel.imports.mapping import lacking, mapped_rows, secret_places
from panel.imports.models import Import, ImportRow
from panel.imports.reading import Line
from panel.imports.sealing import sealer
from panel.kernel.access import Actor
from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import db
from panel.kernel.errors import PanelError
from panel.kernel.text import fold

_FOLDED_MOST = 500


def check_lines(actor: Actor, importer: Importer, one: Import, lines: Sequence[Line]) -> Checked | None:
    """What would become of each row; None while a column is missing without which no row says anything."""
    if lacking(importer, one.mapping):
        return None
    rows = mapped_rows(lines, one.columns, one.mapping)
    return importer.check(actor, rows, member_id=one.member_id)


def store_rows(importer: Importer, one: Import, lines: Sequence[Line], checked: Checked | None) -> None:
    """Write the rows anew with their verdicts, and what is true of the whole, in the running unit of work."""
    seal, _unseal = sealer(current_app.config["CIS"], one.id)
    secret = set(secret_places(importer, one.columns, one.mapping))
    told = [("error", "", [])] * len(lines) if checked is None else _told(checked)
    rows = [
        {
            "id": id_,
            "line": line,
            "cells": seal(line, cells),
            "folded": _folded(cells, secret),
            "verdict": verdict,
            "would": would,
            "problems": problems,
        }
        for id_, (line, cells), (verdict, would, problems) in zip(new_ids(len(lines)), lines, told, strict=True)
    ]
    db.session.execute(delete(ImportRow).where(ImportRow.import_id == one.id))
    execute_many(insert(ImportRow).values(import_id=one.id, state="waiting", resource_id=None), rows)
    whole = lacking(importer, one.mapping) if checked is None else checked.problems
    one.problems = [as_json(problem) for problem in whole]
    one.counts = dict(
        Counter(verdict for verdict, _would, _problems in told)
        + Counter(would for verdict, would, _problems in told if would and verdict != "error")
    )


def as_json(error: PanelError, level: str = "error") -> dict[str, Any]:
    """An error as it is kept, to be said later in the reader's language."""
    params = {name: _plain(value) for name, value in error.params.items() if name != "row"}
    return {"level": level, "code": error.code, "field": error.field, "params": params}


def as_error(kept: Mapping[str, Any]) -> PanelError:
    """The error that ``as_json`` kept."""
    return PanelError(kept["code"], field=kept["field"], **kept["params"])


def _told(checked: Checked) -> list[tuple[str, str, list[dict[str, Any]]]]:
    return [
        (
            verdict.word,
            verdict.would,
            [*(as_json(one) for one in verdict.errors), *(as_json(one, "warning") for one in verdict.warnings)],
        )
        for verdict in checked.verdicts
    ]


def _folded(cells: Iterable[str], secret: set[int]) -> str:
    """What a search looks in: all cells but those that are secret."""
    return fold(" ".join(cell for place, cell in enumerate(cells) if cell and place not in secret))[:_FOLDED_MOST]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value
