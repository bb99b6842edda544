"""One turn at a node: everything done under one lease, the backlog first, then tasks, then looks."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from panel.engine.claims import Claims
from panel.engine.marks import mark_answered, mark_failed, problem_of
from panel.engine.reconcile import Reconciler
from panel.engine.report import Report
from panel.engine.tasks import Task, TaskFailed, TaskRun
from panel.engine.verify import Verifier
from panel.kernel.db import db, unit_of_work
from panel.ledger import jobs
from panel.ledger.jobs import Claimed, Job
from panel.ledger.nodes import Lease, LeaseLost, Node, renew_lease
from provisioning.ssh import AgentError, AgentTooOld, SshError

log = logging.getLogger("cis.worker")

AGAIN_SECONDS = 15


@dataclass
class Turn:
    """A turn of a worker at ``node``. ``stopped`` says what kept it from going on, empty where nothing did."""

    reconciler: Reconciler
    tasks: Mapping[str, Task]
    verifier: Verifier | None
    node: Node
    lease: Lease
    claims: Claims
    stopped: str = ""

    def work(self) -> None:
        """Do what is due, as long as the node can be spoken with."""
        self._do_backlog()
        while self.claims.tasks:
            job = self.claims.tasks.pop(0)
            if self.stopped:
                self._postpone([job.id], Report(), self.stopped)
            else:
                self._do_task(job)
        if not self.stopped and self.verifier is not None:
            self._look(self.verifier)

    def _do_backlog(self) -> None:
        report = Report()
        with self._told(report, self.claims.unfinished):
            self.reconciler.run(self.node, self.lease, self.claims, report)

    def _do_task(self, claimed: Claimed) -> None:
        report = Report(job_ids=[claimed.id])
        job = db.session.get_one(Job, claimed.id, populate_existing=True)
        run = TaskRun(node=self.node, lease=self.lease, exchange=self.reconciler.exchange, job=job, report=report)
        with self._told(report, lambda: [claimed.id]):
            state = "done" if self._succeeds(self.tasks[claimed.cause], run) else "failed"
            report.answered = True
            jobs.finish_jobs([claimed.id], state=state, counts=dict(report.counts), log=report.log)

    def _succeeds(self, task: Task, run: TaskRun) -> bool:
        """Do the task; what it dies of is told in its log. A node or a database that is away is no end of it."""
        try:
            task(run)
        except AgentTooOld:
            run.report.say("agent_too_old")
        except (LeaseLost, SshError, SQLAlchemyError):
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

    def _look(self, verifier: Verifier) -> None:
        with self._told(Report(), list):
            verifier.look_round(self.node, self.lease, is_wanted=lambda: jobs.has_due_jobs(self.node.id))

    @contextmanager
    def _told(self, report: Report, unfinished: Any) -> Iterator[None]:
        """Postpone what the node kept from being done; note that the node answered where it did.

        What a lost lease leaves is the next holder's, with its jobs.
        """
        heard_at = db.session.scalar(select(Node.last_seen_at).where(Node.id == self.node.id))
        try:
            yield
        except LeaseLost:
            self.stopped = "lease lost to another worker"
            log.warning("node %s: %s", self.node.id, self.stopped)
        except AgentError as error:
            self._postpone(unfinished(), report, f"agent: {error.code}", message=str(error))
        except SshError as error:
            mark_failed(self.node.id, error, heard_at=heard_at)
            self._postpone(unfinished(), report, problem_of(error), message=str(error))
        else:
            if report.answered:
                mark_answered([self.node.id])

    def _postpone(self, job_ids: Sequence[uuid.UUID], report: Report, why: str, **data: Any) -> None:
        """Put the jobs back into the queue, unless another worker holds the node by now: they are that one's then."""
        self.stopped = why
        report.job_ids = ()
        report.say(why, again_in_seconds=AGAIN_SECONDS, **data)
        log.warning("work on node %s postponed: %s", self.node.id, why)
        with unit_of_work():
            if renew_lease(self.lease, seconds=self.reconciler.pace.lease_seconds):
                jobs.postpone_jobs(job_ids, seconds=AGAIN_SECONDS, log=report.log)
