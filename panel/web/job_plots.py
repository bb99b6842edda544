"""Plots of jobs: how many were done and failed over time, in the reader's words and the reader's hours and days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from panel.kernel.access import Actor
from panel.kernel.i18n import TIME_ZONE, language
from panel.ledger.job_hours import JobHour, job_hours
from panel.web.column_plots import Columns, Counted, columns
from panel.web.filters import number

_ZONE = ZoneInfo(TIME_ZONE)
HOURS, DAYS = 48, 31


@dataclass(frozen=True, kw_only=True)
class JobPlot:
    """One plot with its figures: ``rows`` of (when, asked, done, failed, waiting) in words, the latest first."""

    columns: Columns | None
    rows: list[tuple[str, ...]]
    done: int
    failed: int


def hourly(actor: Actor) -> JobPlot:
    """The last two days, hour by hour."""
    found = [([one], _hour(one.at, "H:mm"), _hour(one.at, "d MMM, H:mm")) for one in job_hours(actor, hours=HOURS)]
    return _plot(found)


def daily(actor: Actor) -> JobPlot:
    """The last month, day by day as on the wall's calendar; the first day is left out where it is not whole."""
    days = groupby(job_hours(actor, hours=24 * DAYS), lambda one: one.at.astimezone(_ZONE).date())
    found = [
        (list(some), format_date(day, "d MMM", locale=language()), format_date(day, "d MMMM y", locale=language()))
        for day, some in days
    ]
    return _plot(found[1:] if len(found) > DAYS else found)


def _plot(found: Iterable[tuple[list[JobHour], str, str]]) -> JobPlot:
    found = list(found)
    sums = [(_sum(some, "asked"), _sum(some, "done"), _sum(some, "failed"), some[-1].waiting) for some, _, _ in found]
    shown = [
        Counted(label=short, parts=(done, failed), line=waiting)
        for (_, short, _), (_, done, failed, waiting) in zip(found, sums, strict=True)
    ]
    rows = [(long, *map(number, four)) for (_, _, long), four in zip(found, sums, strict=True)]
    return JobPlot(
        columns=columns(shown, to_text=number), rows=rows[::-1], done=sum(one[1] for one in sums),
        failed=sum(one[2] for one in sums),
    )  # fmt: skip


def _sum(some: Iterable[JobHour], name: str) -> int:
    return sum(getattr(one, name) for one in some)


def _hour(at: datetime, pattern: str) -> str:
    return format_datetime(at, pattern, tzinfo=_ZONE, locale=language())
