"""Files of mailboxes to ask for: CSV for people, JSON as the API takes it for programs."""

from __future__ import annotations

import uuid
from typing import Any

from panel.cli.references import find_member
from panel.cli.row_files import read_rows
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid
from panel.mail.actions import DEFAULT_QUOTA_MB, NewMailbox

_COLUMNS = {"address", "member", "member_id", "quota_mb", "password"}


def read_wanted(actor: Actor, content: bytes, *, member: str | None) -> list[NewMailbox]:
    """What a file asks for. ``member`` holds where a row names none. Raises Invalid naming field and row, NotFound."""
    rows = read_rows(content, of="mailboxes", columns=_COLUMNS, numbers={"quota_mb"})
    known: dict[str, uuid.UUID] = {}
    return [_wanted(actor, row, place, member, known) for place, row in enumerate(rows)]


def _wanted(
    actor: Actor, row: dict[str, Any], place: int, member: str | None, known: dict[str, uuid.UUID]
) -> NewMailbox:
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
