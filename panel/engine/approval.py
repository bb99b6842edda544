"""What a person sees of a plan that waits, and the approval that lets it go."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select

from panel.engine.guard import count_there, digest_of, outdate, verb_of
from panel.engine.kinds import Wanted, wired_kinds
from panel.engine.portions import read
from panel.kernel.access import SYSTEM, Actor, require
from panel.kernel.db import database_now, db, one_at_a_time, unit_of_work
from panel.kernel.errors import Conflict
from panel.ledger.events import Event, EventDetail, record
from panel.ledger.jobs import Job, request_job, wake_waiting
from panel.ledger.nodes import Node, get_node
from panel.ledger.plans import HeldPlan, approve, waiting_on

APPROVED = "plans:plan:approve"
"""The cause of the job that carries an approved plan out."""

OUTDATED = "plans:plan:outdate"
"""The cause of the job that makes a plan anew."""

SHOWN_MOST = 500
READ_MOST = 20_000
"""How many due changes of a kind are counted, at most."""


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """What would change on a node. ``waiting``: a person must approve ``digest`` first; then nothing else is listed.

    ``counts``: kind, verb, how many, of how many the node has. ``changes``: the first 500, each ``kind id name verb
    member_id``. ``requested_by``: names of who asked. ``second_person``: none of them may approve. ``reason``: why it
    waits, with commas between (``ledger.plans``).
    """

    digest: str
    made_at: datetime
    counts: Sequence[tuple[str, str, int, int]]
    changes: Sequence[Mapping[str, Any]]
    total: int
    requested_by: Sequence[str] = ()
    second_person: bool = False
    reason: str = ""
    waiting: bool = False


def waiting_plan(actor: Actor, node_id: uuid.UUID) -> PlanView | None:
    """What waits for approval on a node, as it is now; None where nothing does. Raises NotFound, NotAllowed."""
    node = get_node(actor, node_id)
    plan = waiting_on(node.id)
    return None if plan is None else _view_of(plan)


def current_plan(actor: Actor, node_id: uuid.UUID) -> PlanView:
    """What would change on a node now: what waits for approval, or else what is due, which may be nothing."""
    node = get_node(actor, node_id)
    plan = waiting_on(node.id)
    if plan is not None:
        return _view_of(plan)
    now = db.session.scalars(select(database_now())).one()
    return _view(now, node.id, _rows(node.id))


def asked_for_it(actor: Actor, node_id: uuid.UUID) -> bool:
    """Whether ``actor`` asked for some of what waits on the node, and so may not approve it where two must agree."""
    plan = waiting_on(get_node(actor, node_id).id)
    return plan is not None and _asked(actor, plan)


def approve_plan(actor: Actor, node_id: uuid.UUID, *, digest: str) -> Job:
    """Let a waiting plan go; the job returned carries it out.

    Raises Conflict ``plan_outdated`` where it would do something else now, Conflict ``second_person`` where ``actor``
    asked for some of it and may not approve that.
    """
    require(actor, "plans:approve", staff=True)
    node = get_node(actor, node_id)
    with unit_of_work() as work:
        one_at_a_time(f"plan {node.id}")
        plan = waiting_on(node.id, for_change=True)
        if plan is None or plan.digest != digest:
            raise Conflict("plan_outdated")
        if digest_of(_rows(node.id, plan=plan)) == digest:
            if current_app.config["CIS"].second_person and _asked(actor, plan):
                raise Conflict("second_person")
            approve(plan, actor)
            wake_waiting(node.id)
            record(actor, APPROVED, node_id=node.id, name=node.name, changes=sum(one[2] for one in plan.counts))
            return request_job(work, node_id=node.id, cause=APPROVED, actor=actor)
        outdated = plan
    _make_anew(node, outdated)
    raise Conflict("plan_outdated")


def _make_anew(node: Node, plan: HeldPlan) -> None:
    """Something of the plan changed since it was made: a worker makes it anew."""
    with unit_of_work() as work:
        outdate(node, plan)
        wake_waiting(node.id)
        request_job(work, node_id=node.id, cause=OUTDATED, actor=SYSTEM)


def _view_of(plan: HeldPlan) -> PlanView:
    return replace(
        _view(plan.made_at, plan.node_id, _rows(plan.node_id, plan=plan)),
        digest=plan.digest,
        requested_by=_names(plan),
        second_person=bool(current_app.config["CIS"].second_person),
        reason=", ".join(plan.reasons),
        waiting=True,
    )


def _view(made_at: datetime, node_id: uuid.UUID, rows: Sequence[Wanted]) -> PlanView:
    verbs = Counter((one.kind.name, verb_of(one)) for one in rows)
    kinds = {one.kind.name: one.kind for one in rows}
    return PlanView(
        digest=digest_of(rows),
        made_at=made_at,
        counts=[
            (name, verb, number, count_there(kinds[name], node_id)) for (name, verb), number in sorted(verbs.items())
        ],
        changes=[_change(one) for one in rows[:SHOWN_MOST]],
        total=len(rows),
    )


def _change(one: Wanted) -> dict[str, Any]:
    return {
        "kind": one.kind.name,
        "id": one.item.id,
        "name": one.kind.name_of(one.row),
        "verb": verb_of(one),
        "member_id": None if one.row.member_id is None else str(one.row.member_id),
    }


def _rows(node_id: uuid.UUID, *, plan: HeldPlan | None = None) -> list[Wanted]:
    """The rows of a plan as they are now, or what is due, in the order of kinds and ids."""
    rows: list[Wanted] = []
    for kind in wired_kinds():
        model = kind.model
        unsettled = model.seen_generation < model.wanted_generation
        which = model.is_due() if plan is None else (model.plan_id == plan.id) & unsettled
        rows += read(kind, model.node_id == node_id, which, limit=READ_MOST if plan is None else None, bad=[])
    return rows


def _names(plan: HeldPlan) -> list[str]:
    """Who asked, as the journal named them then; by their reference where it was forgotten."""
    names: dict[str, str] = {}
    for ref in (str(one["ref"]) for one in plan.requested_by):
        query = (
            select(EventDetail.actor_name)
            .join(Event, Event.id == EventDetail.event_id)
            .where(Event.actor == ref, Event.at <= plan.made_at)
            .order_by(Event.id.desc())
        )
        names[ref] = db.session.scalar(query.limit(1)) or ref
    return sorted(set(names.values()))


def _asked(actor: Actor, plan: HeldPlan) -> bool:
    """Whether the person behind ``actor`` asked for some of it, in the pages, by a token or on the command line."""
    user_id = None if actor.user_id is None else str(actor.user_id)
    return any(one["ref"] == actor.ref or (user_id and one["user_id"] == user_id) for one in plan.requested_by)
