"""Jobs: what was asked of the nodes, and how it went."""

from __future__ import annotations

from panel.api.fields import Id, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.kernel.access import Actor
from panel.ledger import jobs
from panel.ledger.jobs import STATES, Job
from panel.shapes import ledger as shapes
from panel.shapes import orders

_FILTERS = {
    "state": Text(choices=STATES),
    "node_id": Id(),
    "member_id": Id(),
    "resource_id": Id(),
    "cause": Text(most=100),
}
_ACTOR = {"actor": Text(most=100, says="Who asked: user:ID, token:ID, cli:NAME, system:NAME")}


@operation(
    "GET",
    "/jobs",
    permission="jobs:read",
    query=list_parameters(orders.JOBS, _FILTERS | _ACTOR, search=False),
    answer=page_of("Job"),
)
def list_jobs(actor: Actor, ask: Ask) -> Answer:
    """List jobs, newest first."""
    filters = {name: ask.query[name] for name in _FILTERS if name in ask.query}
    query = narrowed(ask, jobs.jobs_query(actor, **filters), {"actor": Job.actor})
    return list_answer(ask, query, shapes.job, sorts=orders.JOBS, default="-queued_at")


@operation("GET", "/jobs/<uuid:id>", permission="jobs:read", answer=ref("Job"))
def show_job(actor: Actor, ask: Ask) -> Answer:
    """Show a job with its log."""
    return Answer(body=shapes.job(jobs.get_job(actor, ask.id)))


@operation("POST", "/jobs/<uuid:id>/retry", permission="jobs:write", answer=ref("Job"))
def retry_job(actor: Actor, ask: Ask) -> Answer:
    """Ask again for what a failed job asked for."""
    return Answer(body=shapes.job(jobs.retry_job(actor, ask.id)))


@operation("POST", "/jobs/<uuid:id>/cancel", permission="jobs:write", answer=ref("Job"))
def cancel_job(actor: Actor, ask: Ask) -> Answer:
    """Withdraw a job that did not start."""
    return Answer(body=shapes.job(jobs.cancel_job(actor, ask.id)))
