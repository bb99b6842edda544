"""Values in JSON: times, days and amounts, and what all resources carry."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from panel.ledger.resources import ResourceColumns

API = "/api/v1"


def moment(at: datetime | None) -> str | None:
    """A time in UTC by RFC 3339, to the millisecond."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(on: date | None) -> str | None:
    """A day by ISO 8601."""
    return None if on is None else on.isoformat()


def money(amount: Decimal) -> str:
    """An amount as text with two decimal places: JSON's numbers are no money."""
    return f"{amount:.2f}"


def identifier(value: uuid.UUID | None) -> str | None:
    """An id in its usual form."""
    return None if value is None else str(value)


def resource(row: ResourceColumns, kind: str) -> dict[str, Any]:
    """What every resource carries: whose it is, wanted, applied and seen apart, and what is wrong."""
    return {
        "id": str(row.id),
        "member_id": identifier(row.member_id),
        "state": row.state,
        "wanted_generation": row.wanted_generation,
        "applied_generation": row.applied_generation,
        "seen_at": moment(row.seen_at),
        "seen_how": row.seen_how,
        "waits_for_approval": row.waits_for_approval,
        "problem": problem(row.problem_code, row.problem_message, row.problem_since),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "links": events_of(kind, row.id),
    }


def problem(code: str | None, message: str | None, since: datetime | None) -> dict[str, Any] | None:
    """What is wrong, in the service's own words, or None."""
    return None if code is None else {"code": code, "message": message or "", "since": moment(since)}


def events_of(kind: str, resource_id: uuid.UUID) -> dict[str, str]:
    """Where the timeline of a thing is read."""
    return {"events": f"{API}/events?kind={kind}&resource_id={resource_id}"}
