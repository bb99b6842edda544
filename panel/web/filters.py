"""Values as people write them: dates, spans, sizes, money, numbers. Template filters of the same names."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal
from flask import Flask
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape

from panel.kernel.i18n import TIME_ZONE, _, language
from panel.wording.names import size

_ZONE = ZoneInfo(TIME_ZONE)
_JUST_NOW_SECONDS = 10
_DAYS_IN_WORDS = 30


def add(app: Flask) -> None:
    """Give templates these filters and the test ``lazy_text``."""
    named: dict[str, Any] = {
        "datetime": moment,
        "moment_exact": moment_exact,
        "clock": clock,
        "date": day,
        "ago": ago,
        "number": number,
        "money": money,
        "size": size,
        "address": address,
    }
    app.jinja_env.filters.update(named)
    app.jinja_env.tests["lazy_text"] = lambda value: isinstance(value, LazyString)


def moment(value: datetime | None) -> str:
    """A moment by the clock on the wall: "22 listopada 2026, 10:46"."""
    if value is None:
        return ""
    pattern = "d MMMM y, HH:mm"
    return format_datetime(value, pattern, tzinfo=_ZONE, locale=language())


def moment_exact(value: datetime) -> str:
    """A moment to the second, where order matters: "22 listopada 2026, 10:46:07"."""
    return format_datetime(value, "d MMMM y, HH:mm:ss", tzinfo=_ZONE, locale=language())


def clock(text: str) -> str:
    """The time of day, with seconds, of a moment in ISO 8601 as logs keep it."""
    return format_time(datetime.fromisoformat(text), "HH:mm:ss", tzinfo=_ZONE, locale=language())


def day(value: date | None) -> str:
    """A day: "22 listopada 2026"."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(_ZONE).date()
    return format_date(value, "d MMMM y", locale=language())


def month(value: date) -> str:
    """A month where there is little room: "gru 2026"."""
    return format_date(value, "LLL y", locale=language())


def ago(value: datetime | None) -> str:
    """How long ago, or how soon: "2 min temu", "za 5 min"; the date where a month lies between."""
    if value is None:
        return _("never")
    distance = value - datetime.now(UTC)
    if abs(distance.total_seconds()) < _JUST_NOW_SECONDS:
        return _("just now")
    if abs(distance.days) > _DAYS_IN_WORDS:
        return day(value)
    length: Literal["short", "long"] = "short" if language() == "pl" else "long"
    return format_timedelta(distance, add_direction=True, threshold=0.95, format=length, locale=language())


def address(text: str) -> Markup:
    """An e-mail address that breaks before its @ where there is too little room, and not amid its domain."""
    local, at, domain = text.rpartition("@")
    return Markup('{}<wbr><span class="whole">@{}</span>').format(local, domain) if at else escape(text)


def number(value: int | Decimal | None) -> str:
    """A number with its thousands apart."""
    return "" if value is None else format_decimal(value, locale=language())


def money(value: Decimal | None) -> str:
    """An amount in PLN: "1 234,50 zł"."""
    return "" if value is None else format_currency(value, "PLN", locale=language())
