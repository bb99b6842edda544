"""Numbers of a sheet as it shows them: zeros in front, days, whole numbers without a point."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

_DAYS = frozenset({14, 15, 16, 17, 22, *range(27, 37), *range(50, 59)})
_TIMES = frozenset({18, 19, 20, 21, 45, 46, 47})
"""Formats that every program has built in under these numbers (ECMA-376 18.8.30)."""

CODE_MAX = 255
"""The longest code of a format."""

_ASIDE = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_MASK = re.compile(r'(?:0|\\.|"[^"]*"|[-/ .()])+')


@dataclass(frozen=True, kw_only=True)
class Formats:
    """``codes`` by the numbers of formats, the format ``used`` by each style, and where days are counted from."""

    codes: Mapping[int, str]
    used: Sequence[int]
    from_1904: bool = False


def shown(value: str, formats: Formats, style: int) -> str:
    """The number ``value`` of a cell of ``style``. Raises ValueError for what is no number."""
    number = float(value)
    format_ = formats.used[style] if 0 <= style < len(formats.used) else 0
    code = formats.codes.get(format_, "")
    if format_ in _DAYS or format_ in _TIMES or (code and _is_moment(code)):
        return _moment(number, from_1904=formats.from_1904)
    if not number.is_integer() or abs(number) >= 1e15:
        return value if "e" not in value.lower() else f"{number:f}".rstrip("0").rstrip(".")
    digits = str(int(number))
    return _masked(digits, code) if code.count("0") > 1 and number >= 0 and _MASK.fullmatch(code) else digits


@lru_cache(maxsize=1_000)
def _is_moment(code: str) -> bool:
    """Whether a format shows days or times: it has their letters outside of quotes and brackets."""
    return any(char in "ymdhs" for char in _ASIDE.sub("", code.partition(";")[0]).lower().replace("general", ""))


def _moment(number: float, *, from_1904: bool) -> str:
    """ISO 8601; a day alone where no time of day is meant. Excel counts a 29 February 1900 that never was."""
    days = number + 1462 if from_1904 else number + (number < 60)
    moment = datetime(1899, 12, 30) + timedelta(days=days)  # noqa: DTZ001 - a sheet's days have no time zone
    moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
    if 0 <= number < 1:
        return moment.time().isoformat()
    return moment.date().isoformat() if number.is_integer() else moment.isoformat(sep=" ")


def _masked(digits: str, code: str) -> str:
    """``digits`` in the places that ``code`` has for them, zeros where there are fewer: 000-00 makes 7 into 000-07."""
    pieces = re.findall(r'0|\\.|"[^"]*"|.', code)
    digits = digits.zfill(pieces.count("0"))
    rest = iter(digits[len(digits) - pieces.count("0") :])
    text = "".join(next(rest) if piece == "0" else piece.strip('"').removeprefix("\\") for piece in pieces)
    return digits[: len(digits) - pieces.count("0")] + text
