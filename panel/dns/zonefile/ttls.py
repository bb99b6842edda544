"""Times to live as zone files write them: seconds, or ``1h30m`` (BIND's units, which everybody took over)."""

from __future__ import annotations

import re

_TTL = re.compile(r"[0-9]{1,10}|(?:[0-9]{1,10}[wdhms])+", re.IGNORECASE)
_PART = re.compile(r"([0-9]+)([wdhms]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds_of(text: str) -> int | None:
    """How many seconds ``text`` says, None where it is no time."""
    if not _TTL.fullmatch(text):
        return None
    return sum(int(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(text))
