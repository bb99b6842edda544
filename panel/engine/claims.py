"""The jobs in the hands of one run: each ends as what it was about did, as soon as that is known."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from panel.engine.guard import REMOVALS
from panel.engine.report import Report, line
from panel.ledger import jobs
from panel.ledger.jobs import Claimed, JobEnd


@dataclass
class Told:
    """What came of one resource: the node's outcome, how deep it was seen, or what is wrong with it."""

    outcome: str
    applied: bool = False
    how: str = ""
    code: str = ""
    message: str = ""

    def lines(self, batch: str) -> list[dict[str, Any]]:
        """What its own job's log says of it."""
        lines = [line("batch applied", batch=batch, sent=1, applied=int(self.applied))]
        if self.applied:
            lines.append(line("looked from outside", **{self.how or "not_seen": 1}))
        return [*lines, line(self.code, message=self.message)] if self.code else lines


@dataclass
class Claims:
    """Claimed jobs of a node. ``own``: jobs by the resource they are about; ``many``: those about many.

    ``tasks``: jobs whose causes are ``task_causes``; they are no part of the backlog.
    """

    node_id: uuid.UUID
    task_causes: Collection[str] = ()
    own: dict[uuid.UUID, list[uuid.UUID]] = field(default_factory=lambda: defaultdict(list))
    many: list[Claimed] = field(default_factory=list)
    tasks: list[Claimed] = field(default_factory=list)
    _begun: bool = False

    def take(self) -> bool:
        """Take the node's open jobs, at first also what a dead worker left running; tell whether there were any."""
        taken = jobs.claim_jobs(self.node_id, also_running=not self._begun)
        self._begun = True
        for job in taken:
            if job.cause in self.task_causes:
                self.tasks.append(job)
            elif job.resource_id is None:
                self.many.append(job)
            else:
                self.own[job.resource_id].append(job.id)
        return bool(taken)

    def show(self, report: Report) -> None:
        """Have the jobs about many show what the run did so far."""
        report.job_ids = [job.id for job in self.many]

    def end_own(self, told: dict[uuid.UUID, Told], batch: str) -> None:
        """End the jobs about resources that are told of."""
        ends = [
            JobEnd(job_id, "failed" if one.code else "done", {one.outcome: 1}, one.lines(batch))
            for resource_id, one in told.items()
            for job_id in self.own.pop(resource_id, ())
        ]
        jobs.end_jobs(ends)

    def end_left(self, problems: dict[uuid.UUID, Told], held: Collection[uuid.UUID]) -> None:
        """End the jobs about resources for which there was nothing to do, or that are set aside for a person."""
        ends = []
        for resource_id, job_ids in self.own.items():
            ends += [_left(job_id, problems.get(resource_id), waits=resource_id in held) for job_id in job_ids]
        self.own.clear()
        jobs.end_jobs(ends)

    def end_many(self, report: Report, *, held: bool) -> None:
        """End the jobs about many: failed only when nothing went well; removals wait where some were set aside."""
        failed = bool(report.failed) and not (report.counts["applied"] + report.counts["unchanged"])
        log = report.log or [line("nothing to do")]
        for state, some in _by_end(self.many, failed=failed, held=held).items():
            jobs.finish_jobs(some, state=state, counts=dict(report.counts), log=log)
        self.many.clear()

    def unfinished(self) -> list[uuid.UUID]:
        """The jobs of the backlog that did not end."""
        return [job.id for job in self.many] + [job_id for job_ids in self.own.values() for job_id in job_ids]


def _left(job_id: uuid.UUID, problem: Told | None, *, waits: bool) -> JobEnd:
    if waits:
        return JobEnd(job_id, "waiting_approval", {}, [line("set aside for approval")])
    if problem is not None:
        return JobEnd(job_id, "failed", {}, [line(problem.code, message=problem.message)])
    return JobEnd(job_id, "done", {}, [line("nothing to do")])


def _by_end(many: Iterable[Claimed], *, failed: bool, held: bool) -> dict[str, list[uuid.UUID]]:
    ends: dict[str, list[uuid.UUID]] = defaultdict(list)
    for job in many:
        waits = held and job.cause.rpartition(":")[2] in REMOVALS
        ends["waiting_approval" if waits else "failed" if failed else "done"].append(job.id)
    return ends
