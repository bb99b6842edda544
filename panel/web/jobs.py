"""Jobs: what was asked of the nodes, how it went, and asking again."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy import select

from panel.kernel.db import db
from panel.kernel.i18n import _
from panel.ledger import jobs, nodes
from panel.ledger.events import events_query
from panel.ledger.jobs import STATES, Job
from panel.web.job_facts import progress_of, troubled
from panel.web.job_plots import daily, hourly
from panel.web.lists import asked
from panel.web.session import actor, permission
from panel.wording import cause_word

area = Blueprint("jobs", __name__, url_prefix="/jobs")

OPEN = ("queued", "running")
LATEST = 1_000


@area.get("")
@permission("jobs:read", staff=True)
def show_list():
    """Show jobs, newest first, by state, node and cause."""
    wanted = asked("state", "node", "cause")
    listing = wanted.read(_query(wanted), sorts={"queued_at": Job.queued_at, "state": Job.state}, default="-queued_at")
    return render_template(
        "jobs/list.html",
        listing=listing,
        states=STATES,
        nodes=_nodes(),
        causes=_causes(),
        pending=[job.id for job in listing.items if job.state in OPEN],
    )


@area.get("/over-time")
@permission("jobs:read", staff=True)
def show_plots():
    """Show how many jobs were done and failed, by the hour and by the day."""
    return render_template("jobs/plots.html", hourly=hourly(actor()), daily=daily(actor()))


@area.get("/<uuid:job_id>")
@permission("jobs:read")
def show(job_id: uuid.UUID):
    """Show one job: why, how far, what was counted, its log, and what happened to whom."""
    job = jobs.get_job(actor(), job_id)
    happened = db.session.scalars(events_query(actor(), job_id=job_id).limit(50)).all()
    return render_template(
        "jobs/show.html", job=job, subject=_subject(job), events=happened, pending=job.state in OPEN,
        progress_of=progress_of(job), troubled=troubled(job),
    )  # fmt: skip


@area.get("/<uuid:job_id>/cancel")
@permission("jobs:write", staff=True)
def ask_cancel(job_id: uuid.UUID):
    """Say what withdrawing means, before it happens."""
    return render_template("jobs/cancel.html", job=jobs.get_job(actor(), job_id))


@area.post("/<uuid:job_id>/cancel")
@permission("jobs:write", staff=True)
def cancel(job_id: uuid.UUID):
    """Withdraw a job that did not start."""
    jobs.cancel_job(actor(), job_id)
    flash(_("The job is withdrawn."), "success")
    return redirect(url_for("jobs.show", job_id=job_id))


@area.post("/<uuid:job_id>/retry")
@permission("jobs:write", staff=True)
def retry(job_id: uuid.UUID):
    """Ask again for what failed."""
    jobs.retry_job(actor(), job_id)
    flash(_("The job is queued again."), "success")
    return redirect(url_for("jobs.show", job_id=job_id))


def _subject(job: Job) -> str:
    """What the job's one resource was last called."""
    if job.resource_id is None or not actor().may("events:read"):
        return ""
    last = db.session.scalars(
        events_query(actor(), kind=job.resource_kind, resource_id=job.resource_id).limit(1)
    ).first()
    return last.detail.resource_name if last is not None and last.detail is not None else ""


def _query(wanted):
    query = select(Job)
    if wanted.filter("state") in STATES:
        query = query.where(Job.state == wanted.filter("state"))
    if wanted.filter("cause"):
        query = query.where(Job.cause == wanted.filter("cause"))
    known = {node.name: node.id for node in _nodes()}
    return query.where(Job.node_id == known[wanted.filter("node")]) if wanted.filter("node") in known else query


def _nodes():
    return nodes.list_nodes(actor()) if actor().may_everywhere("nodes:read") else []


def _causes() -> list[tuple[str, str]]:
    """Causes of the latest jobs, for the filter, by their words; all jobs ever would be too many to look through."""
    latest = select(Job.cause).order_by(Job.queued_at.desc()).limit(LATEST).subquery()
    found = db.session.scalars(select(latest.c.cause).distinct())
    return sorted(((cause, cause_word(cause)) for cause in found), key=lambda pair: pair[1])
