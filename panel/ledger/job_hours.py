"""How many jobs were asked for, done and failed in each hour, and how many waited at its end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import String, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db
from panel.ledger.jobs import Job

HOURS_MOST = 24 * 62
_HOUR = timedelta(hours=1)
_FORMAT = "%Y-%m-%d %H"
_OPEN = ("queued", "running", "waiting_approval")


@dataclass(frozen=True, kw_only=True)
class JobHour:
    """What happened in the hour that began at ``at``; ``waiting``: jobs asked for and not finished at its end."""

    at: datetime
    asked: int
    done: int
    failed: int
    waiting: int


class _hour_of(FunctionElement[str]):  # noqa: N801 - used as an SQL function
    """The hour of a time in UTC, as text of _FORMAT."""

    inherit_cache = True
    type = String()


@compiles(_hour_of, "sqlite")
def _sqlite_hour(element: _hour_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, 13)"


@compiles(_hour_of)
def _postgresql_hour(element: _hour_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"


def job_hours(actor: Actor, *, hours: int) -> list[JobHour]:
    """The last ``hours``, the running one last and by the database's clock. Jobs that were withdrawn wait no more.

    A job that failed and was asked for again counts where it stands now.
    """
    require(actor, "jobs:read", staff=True)
    now = db.session.scalars(select(database_now())).one().replace(minute=0, second=0, microsecond=0)
    begins = [now - _HOUR * back for back in range(min(hours, HOURS_MOST) - 1, -1, -1)]
    asked, ended = _counted(Job.queued_at, begins[0]), _counted(Job.finished_at, begins[0])
    waiting = db.session.scalar(select(func.count()).where(Job.state.in_(_OPEN))) or 0
    found: list[JobHour] = []
    for at in reversed(begins):
        over, new = ended[at], sum(asked[at].values())
        found.append(JobHour(at=at, asked=new, done=over["done"], failed=over["failed"], waiting=max(waiting, 0)))
        waiting += sum(over.values()) - new
    return found[::-1]


def _counted(column: InstrumentedAttribute[Any], since: datetime) -> Mapping[datetime, Counter[str]]:
    """How many jobs with ``column`` since then there are, by hour and by state."""
    hour = _hour_of(column)
    query = select(hour, Job.state, func.count()).where(column >= since, *_over(column)).group_by(hour, Job.state)
    counted: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for text, state, count in db.session.execute(query):
        counted[datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)][state] += count
    return counted


def _over(column: InstrumentedAttribute[Any]) -> list[Any]:
    return [Job.state.not_in(_OPEN)] if column.key == Job.finished_at.key else []
