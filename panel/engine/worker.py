"""The worker: woken by a ring or by the sweep, it takes a node's lease and does the node's whole backlog."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import update

from panel.engine.heartbeat import Heartbeat
from panel.engine.reconcile import LeaseLost, Reconciler, Report
from panel.kernel.db import db, unit_of_work, utcnow
from panel.ledger import jobs
from panel.ledger.nodes import Node, release_lease, take_lease
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

    def __init__(self, app: Flask, reconciler: Reconciler, *, lease_seconds: int) -> None:
        self._app = app
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

    def _work(self, node: Node, lease: Any, claimed: list[uuid.UUID]) -> None:
        report = Report()
        try:
            self._reconciler.run(node, lease, report)
        except LeaseLost:
            self._postpone(claimed, report, "lease lost to another worker", seconds=0)
        except NeedsApproval as stop:
            report.say("waits for approval", kind=stop.kind, removed=stop.removed, total=stop.total, digest=stop.digest)
            jobs.finish_jobs(claimed, state="waiting_approval", counts=dict(report.counts), log=report.log)
        except AgentError as error:
            self._postpone(claimed, report, f"agent: {error.code}", seconds=AGAIN_SECONDS, message=str(error))
        except SshError as error:
            mark_node(node, PROBLEMS.get(type(error), "unreachable"), str(error))
            self._postpone(
                claimed, report, PROBLEMS.get(type(error), "unreachable"), seconds=AGAIN_SECONDS, message=str(error)
            )
        else:
            mark_node(node, None, None)
            self._finish(claimed, report)

    def _finish(self, claimed: list[uuid.UUID], report: Report) -> None:
        """Jobs for one resource end as that resource did, jobs for many fail only when nothing went well."""
        failed_all = bool(report.failed) and not (report.counts["applied"] + report.counts["unchanged"])
        failed = [
            job_id
            for job_id, resource_id in jobs.resources_of(claimed)
            if (resource_id in report.failed if resource_id else failed_all)
        ]
        done = [job_id for job_id in claimed if job_id not in set(failed)]
        for job_ids, state in ((done, "done"), (failed, "failed")):
            if job_ids:
                jobs.finish_jobs(job_ids, state=state, counts=dict(report.counts), log=report.log)

    def _postpone(self, claimed: list[uuid.UUID], report: Report, why: str, *, seconds: int, **data: Any) -> None:
        report.say(why, again_in_seconds=seconds, **data)
        log.warning("node work postponed: %s", why)
        jobs.postpone_jobs(claimed, retry_at=utcnow() + timedelta(seconds=seconds), log=report.log)


def mark_node(node: Node, code: str | None, message: str | None) -> None:
    """Record that the node answered just now (``code`` None), or what kept it from answering."""
    values: dict[str, Any] = {"problem_code": code, "problem_message": message}
    if code is None:
        values["last_seen_at"] = utcnow()
    with unit_of_work():
        db.session.execute(
            update(Node).where(Node.id == node.id).values(**values), execution_options={"synchronize_session": False}
        )
