"""Rows that nobody changes: the database itself refuses it, whoever asks and by which program.

Whoever owns the database can take these triggers away; that they did shows in the chain (``chain.py``).
"""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

_SQLITE = "CREATE TRIGGER {name} BEFORE {action} ON {table} {when} BEGIN SELECT RAISE(ABORT, '{words}'); END"
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION cis_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'rows of this table are kept as they are'; END $$"
)
_POSTGRESQL = "CREATE TRIGGER {name} BEFORE {action} ON {table} {scope} {when} EXECUTE FUNCTION cis_refuse()"
_WORDS = "rows of this table are kept as they are"

ERASURE = "NOT (NEW.erased_by IS NOT NULL AND NEW.erased_by {differs} OLD.erased_by AND NEW.salt IS NULL)"
"""SQL: a change of an event's details that is no erasure; an erasure says by which event it was done."""


def keep_rows(table: Table, *, unless: str = "") -> None:
    """Have the database refuse to change or remove rows of ``table``; ``unless``: SQL of the changes to refuse."""
    for dialect, statement in _statements(table.name, unless):
        event.listen(table, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]  # the library's


def _statements(table: str, unless: str) -> list[tuple[str, str]]:
    found = [("postgresql", _FUNCTION)]
    for action in ("UPDATE", "DELETE"):
        name, condition = f"{table}_no_{action.lower()}", unless if action == "UPDATE" else ""
        for dialect, differs in (("sqlite", "IS NOT"), ("postgresql", "IS DISTINCT FROM")):
            when = f"WHEN ({condition.format(differs=differs)})" if condition else ""
            pattern = _SQLITE if dialect == "sqlite" else _POSTGRESQL
            values = {"name": name, "action": action, "table": table, "when": when, "words": _WORDS}
            found.append((dialect, pattern.format(**values, scope="FOR EACH ROW")))
    name = f"{table}_no_truncate"
    values = {"name": name, "action": "TRUNCATE", "table": table, "when": ""}
    return [*found, ("postgresql", _POSTGRESQL.format(**values, scope="FOR EACH STATEMENT"))]
