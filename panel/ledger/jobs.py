"""Jobs: requests to reconcile a node. Rows are never deleted; the doorbell only makes them start sooner."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import (
    JSON,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Select,
    bindparam,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.access import Actor, require, require_on, scoped
from panel.kernel.db import Base, UTCDateTime, Work, database_now, db, new_id, read_row, table_of, unit_of_work, utcnow
from panel.kernel.errors import Conflict, NotFound
from panel.ledger.nodes import Node

DOORBELL = "cis.doorbell"
"""Key in ``app.extensions`` of the call that rings the workers for one node's id."""

_OPEN = "state in ('queued', 'running')"
POSTPONED_SECONDS_MOST = 4_500
STATES = ("queued", "running", "done", "failed", "waiting_approval", "cancelled")


class Job(Base):
    """One request to make a node have what is wanted, or to do one task on it (``params``: what exactly).

    ``log`` is a list of ``{at, text, …}``; neither it nor ``params`` holds secrets. ``user_id``: the person who asked,
    in the pages or by a token, None where none did.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_open", "node_id", sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
        Index("ix_jobs_finished_at", "finished_at", "state"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nodes.id"))
    cause: Mapped[str]
    actor: Mapped[str]
    member_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    resource_kind: Mapped[str | None]
    resource_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(default="queued", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    queued_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, index=True)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    log: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    user_id: Mapped[uuid.UUID | None]

    node: Mapped[Node] = relationship(lazy="joined")


def request_job(
    work: Work,
    *,
    node_id: uuid.UUID,
    cause: str,
    actor: Actor,
    member_id: uuid.UUID | None = None,
    resource_kind: str | None = None,
    resource_id: uuid.UUID | None = None,
    params: dict[str, Any] | None = None,
) -> Job:
    """Add a job to the running unit of work; the workers are rung once it is committed. ``params``: no secrets."""
    job = Job(
        id=new_id(),
        node_id=node_id,
        cause=cause,
        actor=actor.ref,
        member_id=member_id,
        resource_kind=resource_kind,
        resource_id=resource_id,
        params=params or {},
        user_id=actor.user_id,
    )
    db.session.add(job)
    work.after_commit(("ring", str(node_id)), lambda: ring(node_id))
    return job


def ring(node_id: uuid.UUID) -> None:
    """Wake a worker for ``node_id``. A ring that gets lost costs only time: the sweep finds the job."""
    call: Callable[[uuid.UUID], None] | None = current_app.extensions.get(DOORBELL)
    if call is not None:
        call(node_id)


def jobs_query(
    actor: Actor,
    *,
    state: str | None = None,
    node_id: uuid.UUID | None = None,
    member_id: uuid.UUID | None = None,
    resource_id: uuid.UUID | None = None,
    cause: str | None = None,
) -> Select[Job]:
    """The jobs in the actor's scope, narrowed by what is given."""
    query = scoped(actor, "jobs:read", select(Job), Job.member_id)
    columns = (Job.state, Job.node_id, Job.member_id, Job.resource_id, Job.cause)
    for column, value in zip(columns, (state, node_id, member_id, resource_id, cause), strict=True):
        query = query if value is None else query.where(column == value)
    return query


def get_job(actor: Actor, job_id: uuid.UUID, *, permission: str = "jobs:read", for_change: bool = False) -> Job:
    """One job. Raises NotFound where it is absent or another member's."""
    job = read_row(Job, job_id, for_change=for_change)
    if job is None:
        raise NotFound("not_found")
    require_on(actor, permission, job.member_id)
    return job


def retry_job(actor: Actor, job_id: uuid.UUID) -> Job:
    """Ask again for what a failed job asked for. Raises Conflict ``job_not_failed``."""
    require(actor, "jobs:write")
    with unit_of_work() as work:
        job = get_job(actor, job_id, permission="jobs:write", for_change=True)
        if job.state not in ("failed", "cancelled"):
            raise Conflict("job_not_failed", state=job.state)
        job.state, job.retry_at, job.finished_at = "queued", None, None
        work.after_commit(("ring", str(job.node_id)), lambda: ring(job.node_id))
    return job


def cancel_job(actor: Actor, job_id: uuid.UUID) -> Job:
    """Withdraw a job that did not start. Raises Conflict ``job_started``."""
    require(actor, "jobs:write")
    with unit_of_work():
        job = get_job(actor, job_id, permission="jobs:write", for_change=True)
        if job.state not in ("queued", "waiting_approval"):
            raise Conflict("job_started", state=job.state)
        job.state, job.finished_at = "cancelled", utcnow()
    return job


class Claimed(NamedTuple):
    """A job in the hands of a worker."""

    id: uuid.UUID
    cause: str
    resource_id: uuid.UUID | None


class JobEnd(NamedTuple):
    """How one job ends."""

    id: uuid.UUID
    state: str
    counts: dict[str, int]
    log: list[dict[str, Any]]


def claim_jobs(node_id: uuid.UUID, *, also_running: bool = True) -> list[Claimed]:
    """Mark the node's open jobs as running and return them: the whole backlog at once.

    Jobs found running at first belong to a worker that died; whoever holds the lease takes them over.
    """
    states = ("queued", "running") if also_running else ("queued",)
    with unit_of_work():
        rows = db.session.execute(
            update(Job)
            .where(
                Job.node_id == node_id,
                Job.state.in_(states),
                _is_due(),
            )
            .values(state="running", started_at=database_now(), attempts=Job.attempts + 1)
            .returning(Job.id, Job.cause, Job.resource_id),
            execution_options={"synchronize_session": False},
        )
        return [Claimed(*row) for row in rows]


def nodes_with_open_jobs() -> list[uuid.UUID]:
    """Ids of nodes that have jobs waiting whose time has come, or left running."""
    query = select(Job.node_id).where(Job.state.in_(("queued", "running")), _is_due()).distinct()
    return list(db.session.scalars(query))


def has_open_jobs(node_id: uuid.UUID) -> bool:
    """Whether the node has jobs that wait or run."""
    query = select(Job.id).where(Job.node_id == node_id, Job.state.in_(("queued", "running"))).limit(1)
    return db.session.scalar(query) is not None


def has_due_jobs(node_id: uuid.UUID) -> bool:
    """Whether the node has jobs that wait for a worker and whose time has come."""
    query = select(Job.id).where(Job.node_id == node_id, Job.state == "queued", _is_due()).limit(1)
    return db.session.scalar(query) is not None


def show_progress(job_ids: Sequence[uuid.UUID], *, counts: dict[str, int], log: list[dict[str, Any]]) -> None:
    """Show on running jobs what was done so far."""
    with unit_of_work():
        db.session.execute(
            update(Job).where(Job.id.in_(job_ids), Job.state == "running").values(counts=counts, log=log),
            execution_options={"synchronize_session": False},
        )


def postpone_jobs(job_ids: Sequence[uuid.UUID], *, seconds: float, log: list[dict[str, Any]]) -> None:
    """Put running jobs back into the queue for ``seconds``, POSTPONED_SECONDS_MOST at most, by the database's clock."""
    with unit_of_work():
        db.session.execute(
            update(Job)
            .where(Job.id.in_(job_ids), Job.state == "running")
            .values(state="queued", retry_at=database_now(min(seconds, POSTPONED_SECONDS_MOST)), log=log),
            execution_options={"synchronize_session": False},
        )


def finish_jobs(job_ids: Sequence[uuid.UUID], *, state: str, counts: dict[str, int], log: list[dict[str, Any]]) -> None:
    """Record how the jobs ended."""
    with unit_of_work():
        db.session.execute(
            update(Job)
            .where(Job.id.in_(job_ids), Job.state == "running")
            .values(
                state=state, finished_at=database_now() if state in ("done", "failed") else None, counts=counts, log=log
            ),
            execution_options={"synchronize_session": False},
        )


def end_jobs(ends: Sequence[JobEnd]) -> None:
    """Record how jobs ended, each with its own counts and lines; those not running any more are left alone."""
    if not ends:
        return
    table = table_of(Job)
    statement = (
        update(table)
        .where(table.c.id == bindparam("job"), table.c.state == "running")
        .values(
            state=bindparam("ended"),
            counts=bindparam("told", type_=JSON()),
            log=bindparam("lines", type_=JSON()),
            finished_at=database_now(bindparam("ago", type_=Float())),
        )
    )
    rows = [
        {
            "job": end.id,
            "ended": end.state,
            "told": end.counts,
            "lines": end.log,
            "ago": 0.0 if end.state in ("done", "failed") else None,
        }
        for end in ends
    ]
    with unit_of_work():
        db.session.connection().execute(statement, rows)


def wake_waiting(node_id: uuid.UUID, *, but: Collection[uuid.UUID] = ()) -> None:
    """Queue again, within the running unit of work, the node's jobs that waited for approval.

    ``but``: resources that go on waiting, with the jobs about them.
    """
    waiting = select(Job.id, Job.resource_id).where(Job.node_id == node_id, Job.state == "waiting_approval")
    ids = [row.id for row in db.session.execute(waiting) if row.resource_id is None or row.resource_id not in but]
    for start in range(0, len(ids), 500):
        db.session.execute(
            update(Job).where(Job.id.in_(ids[start : start + 500])).values(state="queued", retry_at=None),
            execution_options={"synchronize_session": False},
        )


def _is_due() -> ColumnElement[bool]:
    """SQL: the job's time has come, or was set by a clock that went wrong."""
    return or_(
        Job.retry_at.is_(None),
        Job.retry_at <= database_now(),
        Job.retry_at > database_now(POSTPONED_SECONDS_MOST + 1),
    )
