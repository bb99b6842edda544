"""Figures for those who watch the panel: counts of what is not settled, never of all there is, so they stay cheap."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from panel.engine.conditions import GIVEN_UP_SECONDS
from panel.engine.kinds import Kind, wired_kinds
from panel.kernel.db import database_now, db
from panel.ledger.alarms import Alarm
from panel.ledger.differences import Difference, counts_as_open
from panel.ledger.jobs import Job
from panel.ledger.messages import Message

COUNTED_MOST = 100_000
"""Beyond so many of a kind a figure says "at least": a node that is away makes all it has unsettled."""

DAY_SECONDS = 24 * 3600


def now() -> datetime:
    """The time by the database's clock."""
    return db.session.scalars(select(database_now())).one()


def jobs_open() -> dict[str, int]:
    """Jobs that wait, run or need approval, by state."""
    states = ("queued", "running", "waiting_approval")
    counted = _pairs(select(Job.state, func.count()).where(Job.state.in_(states)).group_by(Job.state))
    return dict.fromkeys(states, 0) | counted


def jobs_failed_last_day() -> int:
    """Jobs asked for in the last day that failed."""
    lately = (Job.state == "failed") & (Job.queued_at > database_now(-DAY_SECONDS))
    return db.session.scalar(select(func.count()).select_from(Job).where(lately)) or 0


def oldest_queued_at() -> datetime | None:
    """Since when the job that waits for the longest time waits; None where none does."""
    return db.session.scalar(select(func.min(Job.queued_at)).where(Job.state == "queued"))


def unsettled(*, node_id: uuid.UUID | None = None) -> dict[tuple[str, str], int]:
    """Resources by kind and state, without those that are as wanted; at most COUNTED_MOST of a kind each way."""
    counts: Counter[tuple[str, str]] = Counter()
    for kind in wired_kinds():
        model = kind.model
        moving = (model.seen_generation < model.wanted_generation) & model.problem_code.is_(None)
        for which in (moving, model.problem_code.is_not(None)):
            query = select(model.state.label("state")).where(which)
            if node_id is not None:
                query = query.where(model.node_id == node_id)
            rows = query.limit(COUNTED_MOST).subquery()
            for state, number in _pairs(select(rows.c.state, func.count()).group_by(rows.c.state)).items():
                counts[kind.name, state] += number
    return dict(counts)


def not_seen() -> dict[str, int]:
    """Resources that their node confirmed and that were looked for in vain, by kind."""
    return {kind.name: _not_seen(kind) for kind in wired_kinds()}


def differences_open() -> dict[uuid.UUID, int]:
    """Differences that wait for a decision, by node."""
    return _pairs(select(Difference.node_id, func.count()).where(counts_as_open()).group_by(Difference.node_id))


def messages_by_state() -> dict[str, int]:
    """Messages to people: on their way (``queued``), kept for a digest (``bundled``), given up (``failed``, 3 days)."""
    waits, lately = Message.state == "queued", Message.created_at > database_now(-GIVEN_UP_SECONDS)
    states = {
        "queued": waits & ~Message.bundled,
        "bundled": waits & Message.bundled,
        "failed": (Message.state == "failed") & lately,
    }
    return {state: _count(select(Message.id).where(which).limit(COUNTED_MOST)) for state, which in states.items()}


def oldest_message_at() -> datetime | None:
    """Since when the message that waits to leave for the longest time waits; None where none does."""
    waits = (Message.state == "queued") & ~Message.bundled
    return db.session.scalar(select(func.min(Message.created_at)).where(waits))


def alarms_open() -> dict[str, int]:
    """Open alarms by code."""
    return _pairs(select(Alarm.code, func.count()).where(Alarm.cleared_at.is_(None)).group_by(Alarm.code))


def _not_seen(kind: Kind) -> int:
    model = kind.model
    unseen = model.problem_code.is_not(None) & model.problem_code.startswith("not_seen_", autoescape=True)
    return _count(select(model.id).where(unseen).limit(COUNTED_MOST))


def _count(query: Select[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0


def _pairs(query: Any) -> dict[Any, int]:
    rows: Iterable[Any] = db.session.execute(query)
    return {row[0]: row[1] for row in rows}
