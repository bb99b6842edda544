"""Files of mailboxes to ask for: CSV for people, JSON as the API takes it for programs."""

from __future__ import annotations

import csv
import io
import json
import uuid
from typing import Any

from panel.cli.references import find_member
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid
from panel.mail.actions import DEFAULT_QUOTA_MB, NewMailbox

_COLUMNS = {"address", "member", "member_id", "quota_mb", "password"}


def read_wanted(actor: Actor, content: bytes, *, member: str | None) -> list[NewMailbox]:
    """What a file asks for. ``member`` holds where a row names none. Raises Invalid naming field and row, NotFound."""
    try:
        text = content.decode("utf-8-sig")
        rows = _json_rows(text) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text)
    except (ValueError, csv.Error, RecursionError):
        raise Invalid("import_table", field="file") from None
    known: dict[str, uuid.UUID] = {}
    return [_wanted(actor, row, place, member, known) for place, row in enumerate(rows)]


def _json_rows(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)
    rows = found.get("mailboxes") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("a list of objects is expected")
    return rows


def _csv_rows(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    for row in rows:
        for name in [name for name, value in row.items() if value in (None, "")]:
            del row[name]
        if str(row.get("quota_mb", "")).isascii() and str(row.get("quota_mb", "")).isdigit():
            row["quota_mb"] = int(row["quota_mb"])
    return rows


def _wanted(
    actor: Actor, row: dict[str, Any], place: int, member: str | None, known: dict[str, uuid.UUID]
) -> NewMailbox:
    for name in row:
        if name not in _COLUMNS:
            raise Invalid("unknown_field", field=str(name), row=place)
    whose = str(row.get("member") or row.get("member_id") or member or "")
    if not whose:
        raise Invalid("required", field="member", row=place)
    if whose not in known:
        known[whose] = find_member(actor, whose).id
    password = row.get("password")
    if password is not None and not isinstance(password, str):
        raise Invalid("type_bad", field="password", row=place)
    return NewMailbox(
        member_id=known[whose],
        address=row.get("address", ""),
        quota_mb=row.get("quota_mb", DEFAULT_QUOTA_MB),
        password=password,
    )
