"""The worker: woken by a ring or by the sweep, it takes a node's lease and does the node's whole backlog."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from panel.engine.heartbeat import Heartbeat
from panel.engine.reconcile import LeaseLost, Reconciler
from panel.engine.report import Report
from panel.engine.tasks import Task, TaskFailed, TaskRun
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger import jobs
from panel.ledger.closings import closed
from panel.ledger.jobs import Claimed, Job
from panel.ledger.nodes import Lease, Node, release_lease, take_lease
from provisioning.plan import NeedsApproval
from provisioning.ssh import (
    AgentError,
    AgentTooNew,
    AgentTooOld,
    HostKeyChanged,
    OutcomeUnknown,
    Refused,
    SshError,
    Unreachable,
)

log = logging.getLogger("cis.worker")

PROBLEMS: dict[type[Exception], str] = {
    AgentTooOld: "agent_too_old",
    AgentTooNew: "agent_too_new",
    HostKeyChanged: "host_key_changed",
    Refused: "key_refused",
    Unreachable: "unreachable",
    OutcomeUnknown: "outcome_unknown",
}
AGAIN_SECONDS = 15
HELD_SECONDS = 1.0


class Worker:
    """Runs nodes, each in one thread of this process at a time; other processes are kept out by the lease."""

    def __init__(
        self, app: Flask, reconciler: Reconciler, *, lease_seconds: int, tasks: Mapping[str, Task] | None = None
    ) -> None:
        self._app = app
        self._tasks = {} if tasks is None else tasks
        self._reconciler = reconciler
        self._lease_seconds = lease_seconds
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._guard = threading.Lock()
        self._rung: set[uuid.UUID] = set()
        self._running: set[uuid.UUID] = set()

    def ring(self, node_id: uuid.UUID) -> None:
        """Do the node's backlog, unless another thread is at it; that one then looks once more."""
        with self._guard:
            self._rung.add(node_id)
            if node_id in self._running:
                return
            self._running.add(node_id)
        while self._take_ring(node_id):
            with self._app.app_context():
                self._run_guarded(node_id)

    def _take_ring(self, node_id: uuid.UUID) -> bool:
        with self._guard:
            if node_id in self._rung:
                self._rung.discard(node_id)
                return True
            self._running.discard(node_id)
            return False

    def _run_guarded(self, node_id: uuid.UUID) -> None:
        try:
            self._run(node_id)
        except Exception:  # the one broad one: whatever a run dies of, the worker lives and the jobs stay open
            log.exception("run of node %s failed", node_id)
            db.session.rollback()

    def _run(self, node_id: uuid.UUID) -> None:
        closing = closed(node_id)
        if closing is not None:
            log.warning("node %s is closed (%s): nothing is sent to it", node_id, closing.reason)
            return
        lease = take_lease(node_id, owner=self._owner, seconds=self._lease_seconds)
        if lease is None:
            self._ring_later(node_id)
            return
        try:
            with Heartbeat(self._app, lease, seconds=self._lease_seconds):
                claimed = jobs.claim_jobs(node_id)
                node = db.session.get(Node, node_id, populate_existing=True)
                if node is not None:
                    self._work(node, lease, claimed)
        finally:
            release_lease(lease)

    def _ring_later(self, node_id: uuid.UUID) -> None:
        """Look again soon: the lease's holder may have looked for the last time before this job was there."""
        if jobs.has_open_jobs(node_id):
            timer = threading.Timer(HELD_SECONDS, self.ring, args=(node_id,))
            timer.daemon = True
            timer.start()

    def _do_task(self, node: Node, lease: Lease, claimed: Claimed) -> Report:
        report = Report(job_ids=[claimed.id])
        job = db.session.get_one(Job, claimed.id, populate_existing=True)
        run = TaskRun(node=node, lease=lease, exchange=self._reconciler.exchange, job=job, report=report)
        with self._ended([claimed], node, report):
            state = "done" if self._succeeds(self._tasks[claimed.cause], run) else "failed"
            jobs.finish_jobs([claimed.id], state=state, counts=dict(report.counts), log=report.log)
        return report

    def _succeeds(self, task: Task, run: TaskRun) -> bool:
        """Do the task; what it dies of is told in its log. A node or a database that is away is no end of it."""
        try:
            task(run)
        except (LeaseLost, AgentError, SQLAlchemyError):
            raise
        except AgentTooOld:
            run.report.say("agent_too_old")
        except SshError:
            raise
        except TaskFailed as error:
            run.report.say(error.code, **error.params)
        except Exception as error:  # a task that breaks would break again each time, and nobody would be told
            log.exception("task %s of node %s failed", run.job.cause, run.node.id)
            db.session.rollback()
            run.report.say("broken", error=type(error).__name__)
        else:
            return True
        return False

    def _work(self, node: Node, lease: Lease, claimed: list[Claimed]) -> None:
        """The backlog first, which people wait for; then the tasks, unless the node could not be spoken with."""
        tasks = [job for job in claimed if job.cause in self._tasks]
        report = self._do_backlog(node, lease, [job for job in claimed if job.cause not in self._tasks])
        for job in tasks:
            if report.stopped:
                self._postpone([job], Report(), report.stopped, seconds=AGAIN_SECONDS)
            else:
                report = self._do_task(node, lease, job)

    def _do_backlog(self, node: Node, lease: Lease, claimed: list[Claimed]) -> Report:
        report = Report(job_ids=[job.id for job in claimed])
        with self._ended(claimed, node, report):
            try:
                self._reconciler.run(node, lease, report)
            except NeedsApproval as stop:
                report.say(
                    "waits for approval", kind=stop.kind, removed=stop.removed, total=stop.total, digest=stop.digest
                )
                jobs.finish_jobs(_ids(claimed), state="waiting_approval", counts=dict(report.counts), log=report.log)
            else:
                self._finish(claimed, report)
        return report

    @contextmanager
    def _ended(self, claimed: list[Claimed], node: Node, report: Report) -> Iterator[None]:
        """Postpone what the node or the lease kept from being done; note that the node answered where it did."""
        try:
            yield
        except LeaseLost:
            self._postpone(claimed, report, "lease lost to another worker", seconds=0)
        except AgentError as error:
            self._postpone(claimed, report, f"agent: {error.code}", seconds=AGAIN_SECONDS, message=str(error))
        except SshError as error:
            code = PROBLEMS.get(type(error), "unreachable")
            mark_node(node, code, str(error))
            self._postpone(claimed, report, code, seconds=AGAIN_SECONDS, message=str(error))
        else:
            mark_node(node, None, None)

    def _finish(self, claimed: list[Claimed], report: Report) -> None:
        """Jobs for one resource end as that resource did, jobs for many fail only when nothing went well."""
        failed_all = bool(report.failed) and not (report.counts["applied"] + report.counts["unchanged"])
        failed = [job.id for job in claimed if (job.resource_id in report.failed if job.resource_id else failed_all)]
        done = [job.id for job in claimed if job.id not in set(failed)]
        for job_ids, state in ((done, "done"), (failed, "failed")):
            if job_ids:
                jobs.finish_jobs(job_ids, state=state, counts=dict(report.counts), log=report.log)

    def _postpone(self, claimed: list[Claimed], report: Report, why: str, *, seconds: int, **data: Any) -> None:
        report.stopped = why
        report.say(why, again_in_seconds=seconds, **data)
        log.warning("node work postponed: %s", why)
        jobs.postpone_jobs(_ids(claimed), seconds=seconds, log=report.log)


def _ids(claimed: list[Claimed]) -> list[uuid.UUID]:
    return [job.id for job in claimed]


def mark_node(node: Node, code: str | None, message: str | None) -> None:
    """Record that the node answered just now (``code`` None), or what kept it from answering."""
    values: dict[str, Any] = {"problem_code": code, "problem_message": message}
    if code is None:
        values["last_seen_at"] = database_now()
    with unit_of_work():
        db.session.execute(
            update(Node).where(Node.id == node.id).values(**values), execution_options={"synchronize_session": False}
        )
