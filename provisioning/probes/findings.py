"""What a probe found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

How = Literal["rcpt", "login", "message", "absent", "closed", "answered", "serial"]
Reason = Literal[
    "unreachable",
    "tls",
    "refused",
    "deferred",
    "login_refused",
    "login_accepted",
    "not_delivered",
    "protocol",
    "not_answered",
    "secondary_behind",
]


def now() -> datetime:
    """Tell the present moment, aware, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """It is as wanted; ``how`` says how deep was looked, or that it is *absent* or *closed* as it should be.

    ``told``: what else was learnt, for the kind's own columns.
    """

    how: How
    at: datetime = field(default_factory=now)
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotSeen:
    """It does not work (yet); ``code`` is stable, ``message`` holds the service's own words."""

    code: Reason
    message: str
    at: datetime = field(default_factory=now)


Finding = Seen | NotSeen
