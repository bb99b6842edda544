"""What goes out of use: said in headers of its answers, long before it is gone (RFC 9745, RFC 8594).

The promise is in docs/reference/api-versions.md; DAYS_LEAST holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from werkzeug.http import http_date

DAYS_LEAST = 183
"""So long at least, about six months, between saying so and its end."""

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Deprecation:
    """That an operation is out of use ``since``, gone after ``until``; ``instead``: the operation to use."""

    since: date
    until: date
    instead: str

    def headers(self) -> dict[str, str]:
        """What each answer says of it."""
        return {
            "Deprecation": f"@{int(_moment(self.since).timestamp())}",
            "Sunset": http_date(_moment(self.until)),
            "Link": f'</api/v1/docs#{self.instead}>; rel="successor-version"',
        }

    def words(self) -> str:
        """What the description says of it."""
        return f"Deprecated since {self.since}, gone after {self.until}: use `{self.instead}` instead."


def deprecated(*, since: date, until: date, instead: str) -> Callable[[_Handler], _Handler]:
    """Mark the handler of an operation as out of use; put it below ``@operation``.

    Raises ValueError where the promised time is not kept.
    """
    if (until - since).days < DAYS_LEAST:
        raise ValueError(f"{until} is less than {DAYS_LEAST} days after {since}")

    def mark(handler: _Handler) -> _Handler:
        handler.deprecation = Deprecation(since=since, until=until, instead=instead)  # type: ignore[attr-defined]  # functions take attributes
        return handler

    return mark


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
