"""What a probe found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

How = Literal["rcpt", "login", "message", "absent", "closed"]
Reason = Literal[
    "unreachable", "tls", "refused", "deferred", "login_refused", "login_accepted", "not_delivered", "protocol"
]


def now() -> datetime:
    """Tell the present moment, aware, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """It is as wanted; ``how`` says how deep was looked, or that it is *absent* or *closed* as it should be."""

    how: How
    at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class NotSeen:
    """It does not work (yet); ``code`` is stable, ``message`` holds the service's own words."""

    code: Reason
    message: str
    at: datetime = field(default_factory=now)


Finding = Seen | NotSeen
