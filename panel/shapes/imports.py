"""Imports and their rows as they look outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from panel.imports.checking import as_error
from panel.imports.kinds import importer_of
from panel.imports.mapping import secret_places
from panel.imports.models import ROW_STATES, VERDICTS, Import, ImportRow
from panel.kernel.errors import PanelError
from panel.shapes.values import moment

WOULD = ("create", "update", "unchanged")
Say = Callable[[PanelError], str]


def import_(one: Import, say: Say) -> dict[str, Any]:
    """An import; ``totals`` counts rows by verdict, by what would be done, and by state once it was committed."""
    return {
        "id": str(one.id),
        "kind": one.kind,
        "state": one.state,
        "file_name": one.file_name,
        "member_id": None if one.member_id is None else str(one.member_id),
        "by": one.actor_name,
        "columns": one.columns,
        "fields": [
            {"name": column.name, "required": column.required, "secret": column.secret}
            for column in importer_of(one.kind).columns
        ],
        "mapping": one.mapping,
        "problems": [_told(kept, say) for kept in one.problems],
        "totals": {"rows": one.total} | {name: one.counts.get(name, 0) for name in (*VERDICTS, *WOULD, *ROW_STATES)},
        "only_good": one.only_good,
        "job": _job(one),
        "created_at": moment(one.created_at),
        "committed_at": moment(one.committed_at),
        "finished_at": moment(one.finished_at),
        "links": {
            "self": f"/api/v1/imports/{one.id}",
            "rows": f"/api/v1/imports/{one.id}/rows",
            "report": f"/api/v1/imports/{one.id}/report.csv",
        },
    }


def _job(one: Import) -> dict[str, Any] | None:
    """What workers are asked for by it, in the words of jobs; null until it is committed.

    It needs no node, so it is read at the import's own address; what it makes is carried to nodes by jobs of theirs.
    """
    if one.committed_at is None:
        return None
    at_work = "running" if one.claim or one.counts.get("done") or one.counts.get("failed") else "queued"
    return {
        "id": str(one.id),
        "cause": "imports:import:commit",
        "actor": one.committed_by,
        "state": at_work if one.state == "committing" else one.state,
        "queued_at": moment(one.committed_at),
        "finished_at": moment(one.finished_at),
        "counts": {name: one.counts.get(name, 0) for name in ROW_STATES if name != "waiting"},
        "links": {"self": f"/api/v1/imports/{one.id}"},
    }


def import_row(one: Import, row: ImportRow, cells: Sequence[str], say: Say) -> dict[str, Any]:
    """A row: what would become of it, why not, and what it says, but for secrets."""
    return {
        "line": row.line,
        "verdict": row.verdict,
        "would": row.would or None,
        "state": row.state,
        "errors": [_told(kept, say) for kept in row.problems if kept["level"] == "error"],
        "warnings": [_told(kept, say) for kept in row.problems if kept["level"] == "warning"],
        "values": values_of(one, cells),
        "resource_id": None if row.resource_id is None else str(row.resource_id),
    }


def values_of(one: Import, cells: Sequence[str]) -> dict[str, str]:
    """What a row says by field; of secrets only that there is one."""
    secret = secret_places(importer_of(one.kind), one.columns, one.mapping)
    places = {name: one.columns.index(heading) for name, heading in one.mapping.items()}
    return {
        name: cells[place] if place not in secret else "•" * 6 if cells[place] else "" for name, place in places.items()
    }


def _told(kept: Mapping[str, Any], say: Say) -> dict[str, Any]:
    return {"field": kept["field"], "code": kept["code"], "message": say(as_error(kept))}
