"""Files of zones to ask for: CSV for people, JSON as the API takes it for programs."""

from __future__ import annotations

import uuid
from typing import Any

from panel.cli.references import find_member
from panel.cli.row_files import read_rows
from panel.dns.actions import NewZone, Wanted
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid

_VALUES = ("address", "address6")
_COLUMNS = {"name", "member", "member_id", "template", "values", "rrsets", "dnssec", "comment", "reason", *_VALUES}


def read_zones(actor: Actor, content: bytes, *, member: str | None) -> list[NewZone]:
    """What a file asks for. ``member`` holds where a row names none. Raises Invalid naming field and row, NotFound."""
    rows = read_rows(content, of="zones", columns=_COLUMNS)
    known: dict[str, uuid.UUID] = {}
    return [_new(actor, row, place, member, known) for place, row in enumerate(rows)]


def _new(actor: Actor, row: dict[str, Any], place: int, member: str | None, known: dict[str, uuid.UUID]) -> NewZone:
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
