"""Nodes: the servers, as the association's staff sees them, and what staff may ask of them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from wtforms import HiddenField

from panel.engine import approval, drift, figures, repair
from panel.engine.health import certificate_expires_at
from panel.engine.kinds import Kind
from panel.kernel.db import db
from panel.kernel.i18n import _
from panel.kinds import KINDS
from panel.ledger import nodes
from panel.ledger.closings import closed
from panel.ledger.differences import Difference
from panel.ledger.events import events_query
from panel.ledger.jobs import Job
from panel.ledger.plans import waiting_on
from panel.web.filters import number
from panel.web.forms.base import PanelForm
from panel.web.node_facts import gauges, program_state
from panel.web.node_state import node_state
from panel.web.session import actor, permission, require_fresh_to_send

area = Blueprint("nodes", __name__, url_prefix="/nodes")

DIFFERENCES_SHOWN = 10


class DigestForm(PanelForm):
    """An approval of exactly the plan that was shown."""

    digest = HiddenField()


@area.get("")
@permission("nodes:read", staff=True)
def show_list():
    """Show all nodes with their state and what waits for them."""
    found = nodes.list_nodes(actor())
    return render_template(
        "nodes/list.html",
        nodes=found,
        node_state=node_state,
        waiting={node.id: _waiting(node.id) for node in found},
        differing=figures.differences_open(),
    )


@area.get("/<uuid:node_id>")
@permission("nodes:read", staff=True)
def show(node_id: uuid.UUID):
    """Show one node: identity, health, what waits, what differs, last jobs, what happened."""
    node = nodes.get_node(actor(), node_id)
    jobs = db.session.scalars(select(Job).where(Job.node_id == node_id).order_by(Job.queued_at.desc()).limit(10)).all()
    happened = db.session.scalars(events_query(actor(), node_id=node_id).limit(15)).all()
    return render_template(
        "nodes/show.html",
        node=node,
        node_state=node_state(node),
        jobs=jobs,
        events=happened,
        kinds=_counts(node_id),
        now=figures.now(),
        **_work(node),
        **_drift(node_id),
    )


@area.post("/<uuid:node_id>/check")
@permission("jobs:write", staff=True)
def check(node_id: uuid.UUID) -> ResponseReturnValue:
    """Compare the node with what it should have, now."""
    job = drift.request_check(actor(), node_id)
    flash(_("The server is being compared with what it should have."), "success")
    return redirect(url_for("jobs.show", job_id=job.id), 303)


@area.route("/<uuid:node_id>/plan", methods=["GET", "POST"])
@permission("nodes:read", staff=True)
@require_fresh_to_send
def show_plan(node_id: uuid.UUID) -> ResponseReturnValue:
    """Show the plan that waits for a person, or what would change now; approve exactly the one that was shown."""
    node, form = nodes.get_node(actor(), node_id), DigestForm()
    job = form.attempt(lambda: approval.approve_plan(actor(), node_id, digest=form.digest.data or ""))
    if job is not None:
        flash(_("The plan is approved; the server is being asked."), "success")
        return redirect(url_for("jobs.show", job_id=job.id), 303)
    plan, mine = approval.current_plan(actor(), node_id), approval.asked_for_it(actor(), node_id)
    return render_template("nodes/plan.html", node=node, form=form, plan=plan, mine=mine), form.status


@area.route("/<uuid:node_id>/repair", methods=["GET", "POST"])
@permission("drift:write", staff=True)
@require_fresh_to_send
def show_repair(node_id: uuid.UUID) -> ResponseReturnValue:
    """Show what overwriting everything that differs would do, and do exactly that."""
    node, form = nodes.get_node(actor(), node_id), DigestForm()
    job = form.attempt(lambda: repair.approve_repair(actor(), node_id, digest=form.digest.data or ""))
    if job is not None:
        flash(_("The server is being asked for what is wanted."), "success")
        return redirect(url_for("jobs.show", job_id=job.id), 303)
    plan = repair.repair_plan(actor(), node_id)
    return render_template("nodes/repair.html", node=node, form=form, plan=plan), form.status


def _work(node: nodes.Node) -> dict[str, Any]:
    """What is on its way to the node, what waits for a person, and how the node itself is."""
    unsettled = figures.unsettled(node_id=node.id)
    return {
        "closing": closed(node.id),
        "moving": {key: number for key, number in sorted(unsettled.items()) if number},
        "waiting": sum(number for (_kind, state), number in unsettled.items() if state != "drifted"),
        "plan": waiting_on(node.id),
        "gauges": gauges(node),
        "program": program_state(node),
        "certificate_ends": certificate_expires_at(node),
    }


def _drift(node_id: uuid.UUID) -> dict[str, Any]:
    """The differences that have waited for the longest time, and how many there are."""
    query = drift.differences_query(actor(), node_id=node_id)
    first = query.order_by(Difference.first_seen_at, Difference.id)
    return {
        "differences": db.session.scalars(first.limit(DIFFERENCES_SHOWN)).all(),
        "differing": figures.differences_open().get(node_id, 0),
    }


def _waiting(node_id: uuid.UUID) -> int:
    """How many resources of all kinds the node does not have as wanted."""
    unsettled = figures.unsettled(node_id=node_id)
    return sum(number for (_kind, state), number in unsettled.items() if state != "drifted")


def _counts(node_id: uuid.UUID) -> list[tuple[str, str]]:
    """How many resources of each kind the node should have, in words; beyond a bound they are not counted."""
    return [(kind.name, _many(kind, node_id)) for kind in KINDS]


def _many(kind: Kind, node_id: uuid.UUID) -> str:
    most = figures.COUNTED_MOST
    rows = select(kind.model.id).where(kind.model.node_id == node_id, kind.model.want == "put").limit(most + 1)
    found = db.session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    return number(found) if found <= most else _("more than %(number)s", number=number(most))
