"""What the page of a job shows beside its log: how far it is, what it was asked for, what it met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from panel.engine import figures
from panel.kernel.db import db
from panel.kinds import KINDS
from panel.ledger.jobs import Job
from panel.wiring import TASKS

TROUBLED_MOST = 50


@dataclass(frozen=True, kw_only=True)
class Troubled:
    """A resource with a problem that the job met."""

    kind: str
    row: Any
    name: str


def progress_of(job: Job) -> tuple[int, int] | None:
    """How much is done of how much, while a job about many runs; None where there is nothing to measure by."""
    if job.state != "running" or job.resource_id is not None or job.cause in TASKS:
        return None
    done = sum(job.counts.values())
    left = sum(number for (_kind, state), number in _moving(job).items() if state != "drifted")
    return done, done + left


def troubled(job: Job) -> list[Troubled]:
    """The node's resources whose problem is as old as the job, or younger; of a job about one only that one."""
    if job.started_at is None or job.cause in TASKS:
        return []
    found: list[Troubled] = []
    for kind in KINDS:
        model: Any = kind.model
        query = select(model).where(model.node_id == job.node_id, model.problem_code.is_not(None))
        query = query.where(model.problem_since >= job.queued_at)
        if job.resource_id is not None:
            query = query.where(model.id == job.resource_id)
        rows = db.session.scalars(query.order_by(model.id).limit(TROUBLED_MOST - len(found))).unique()
        found += [Troubled(kind=kind.name, row=row, name=kind.name_of(row)) for row in rows]
    return found


def _moving(job: Job) -> dict[tuple[str, str], int]:
    return {key: number for key, number in figures.unsettled(node_id=job.node_id).items() if key[1] != "failed"}
