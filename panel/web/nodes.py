"""Nodes: the servers, as the association's staff sees them."""

from __future__ import annotations

import uuid
from datetime import timedelta

from flask import Blueprint, render_template
from sqlalchemy import func, select

from panel.kernel.db import db, utcnow
from panel.ledger import nodes
from panel.ledger.events import events_query
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.web.session import actor, permission
from panel.wiring import KINDS

area = Blueprint("nodes", __name__, url_prefix="/nodes")

LATE = timedelta(hours=1)
"""A node not heard of for so long is shown as such; the sweep alone does not talk to idle nodes."""


def node_state(node: Node) -> str:
    """How a node is: *problem*, *never* seen, *late*, or *seen*."""
    if node.problem_code:
        return "problem"
    if node.last_seen_at is None:
        return "never"
    return "late" if utcnow() - node.last_seen_at > LATE else "seen"


@area.get("")
@permission("nodes:read", staff=True)
def show_list():
    """Show all nodes with their state and what waits for them."""
    found = nodes.list_nodes(actor())
    return render_template(
        "nodes/list.html", nodes=found, node_state=node_state, waiting={node.id: _waiting(node.id) for node in found}
    )


@area.get("/<uuid:node_id>")
@permission("nodes:read", staff=True)
def show(node_id: uuid.UUID):
    """Show one node: identity, services, what waits, last jobs, what happened."""
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
        waiting=_waiting(node_id),
        now=utcnow(),
    )


def _waiting(node_id: uuid.UUID) -> int:
    """How many resources of all kinds the node does not have as wanted."""
    return sum(
        db.session.scalar(
            select(func.count()).where(
                kind.model.node_id == node_id, kind.model.seen_generation < kind.model.wanted_generation
            )
        )
        or 0
        for kind in KINDS
    )


def _counts(node_id: uuid.UUID) -> list[tuple[str, int]]:
    """How many resources of each kind the node should have."""
    return [
        (
            kind.name,
            db.session.scalar(select(func.count()).where(kind.model.node_id == node_id, kind.model.want == "put")) or 0,
        )
        for kind in KINDS
    ]
