"""A node built anew under its old name: another host, another key, and everything to be made there again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from panel.engine.kinds import Kind
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import Conflict
from panel.ledger.events import record
from panel.ledger.jobs import Job, request_job
from panel.ledger.nodes import Lease, Node

CAUSE = "nodes:node:rebuild"
"""The cause of the job that makes everything again."""

_FACTS = ("address", "ssh_port", "hostname", "roles", "host_key", "certificate", "agent_version", "release", "versions")


def record_rebuild(
    actor: Actor, node: Node, lease: Lease, kinds: Sequence[Kind], found: Mapping[str, Any]
) -> tuple[Job, int]:
    """Pin what the operator found and compared on the new host, and want everything of the node made there again.

    ``found`` as `record_enrolment` takes it. What was removed stays so: an empty host has none of it. One statement for
    each kind, whatever there is. Returns the job and how many resources it is about; ``lease`` keeps workers away
    meanwhile. Raises Conflict ``node_held`` when it was lost.
    """
    require(actor, "nodes:write", staff=True)
    with unit_of_work() as work:
        before = node.host_key_fingerprint
        _pin(node, lease, found)
        number = sum(_begin_again(kind, node) for kind in kinds)
        job = request_job(work, node_id=node.id, cause=CAUSE, actor=actor)
        record(
            actor,
            "nodes:node:rebuild",
            kind="node",
            resource_id=node.id,
            node_id=node.id,
            job_id=job.id,
            name=node.name,
            before=before,
            fingerprint=found["fingerprint"],
            resources=number,
        )
    return job, number


def _pin(node: Node, lease: Lease, found: Mapping[str, Any]) -> None:
    values: dict[str, Any] = {name: found[name] for name in _FACTS}
    values |= {"host_key_fingerprint": found["fingerprint"], "problem_code": None, "problem_message": None}
    # Nothing that was on its way to the old host is asked of the new one.
    values |= {"batch_on_way": None, "health": None, "health_at": None, "last_seen_at": database_now()}
    pinned = db.session.execute(
        update(Node)
        .where(Node.id == node.id, Node.fence == lease.fence, Node.lease_owner == lease.owner)
        .values(**values)
        .returning(Node.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if pinned is None:
        raise Conflict("node_held", node=node.name)


def _begin_again(kind: Kind, node: Node) -> int:
    model = kind.model
    mine: tuple[ColumnElement[bool], ...] = (model.node_id == node.id, model.want == "put")
    number = db.session.scalar(select(func.count()).select_from(model).where(*mine)) or 0
    counters = {"sent_generation": 0, "applied_generation": 0, "seen_generation": 0, "attempts": 0}
    forgotten = dict.fromkeys(("problem_code", "problem_message", "problem_since", "retry_at", "plan_id", "look_at"))
    db.session.execute(
        update(model).where(*mine).values(updated_at=model.updated_at, **counters, **forgotten),
        execution_options={"synchronize_session": False},
    )
    return number
