"""Files of zones to ask for: CSV for people, JSON as the API takes it for programs."""

from __future__ import annotations

import csv
import io
import json
import uuid
from typing import Any

from panel.cli.references import find_member
from panel.dns.actions import NewZone, Wanted
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid

_VALUES = ("address", "address6")
_COLUMNS = {"name", "member", "member_id", "template", "values", "rrsets", "dnssec", "comment", "reason", *_VALUES}


def read_zones(actor: Actor, content: bytes, *, member: str | None) -> list[NewZone]:
    """What a file asks for. ``member`` holds where a row names none. Raises Invalid naming field and row, NotFound."""
    try:
        text = content.decode("utf-8-sig")
        rows = _json_rows(text) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text)
    except (ValueError, csv.Error, RecursionError):
        raise Invalid("import_table", field="file") from None
    known: dict[str, uuid.UUID] = {}
    return [_new(actor, row, place, member, known) for place, row in enumerate(rows)]


def _json_rows(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)
    rows = found.get("zones") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("a list of objects is expected")
    return rows


def _csv_rows(text: str) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [{name: value for name, value in row.items() if value not in (None, "")} for row in rows]


def _new(actor: Actor, row: dict[str, Any], place: int, member: str | None, known: dict[str, uuid.UUID]) -> NewZone:
    for name in row:
        if name not in _COLUMNS:
            raise Invalid("unknown_field", field=str(name), row=place)
    whose = str(row.get("member") or row.get("member_id") or member or "")
    if whose and whose not in known:
        known[whose] = find_member(actor, whose).id
    try:
        values = {**row.get("values", {}), **{name: row[name] for name in _VALUES if name in row}}
        return NewZone(
            member_id=known[whose] if whose else None,
            name=_text(row, "name"),
            template=_text(row, "template"),
            values=values,
            sets=[Wanted(**one) for one in row.get("rrsets", ())],
            dnssec=row.get("dnssec", True) in (True, "true", "yes", "1", {"enabled": True}),
            comment=_text(row, "comment"),
            reason=_text(row, "reason"),
        )
    except TypeError:
        raise Invalid("type_bad", field="zones", row=place) from None


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name, "")
    if not isinstance(value, str):
        raise TypeError(name)
    return value
