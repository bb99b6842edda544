"""Drift: looking for what nodes have otherwise than wanted, and what people decide about it.

A difference is *kept* (said why, until when), *adopted* (it becomes wanted, by the ordinary action of its kind) or
*overwritten* (``panel.engine.repair``). Nothing on a node is changed without one of these.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Select, exists, func, or_, select, update

from panel.engine.comparing import compare
from panel.engine.kinds import kind_named, wired_kinds
from panel.engine.looks import forget_problems, record_look
from panel.engine.tasks import TaskRun
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, one_at_a_time, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.kernel.text import one_line
from panel.ledger.differences import Difference, count_differing, is_current
from panel.ledger.events import record_many
from panel.ledger.jobs import Job, request_job
from panel.ledger.nodes import Node, get_node

CHECK = "nodes:drift:check"
"""The cause of jobs that look at a node."""

REASON_MOST, KEEP_DAYS_MOST = 500, 366
ASK_SECONDS = 120.0
AGAIN_SECONDS = 3600
_UNFINISHED = ("queued", "running")
_ACTIONS = {"kept": "keep", "adopted": "adopt", "overwriting": "overwrite"}


def request_check(actor: Actor, node_id: uuid.UUID) -> Job:
    """Ask for a look at the node; one that waits already is returned as it is."""
    require(actor, "jobs:write", staff=True)
    node = get_node(actor, node_id)
    with unit_of_work() as work:
        one_at_a_time(f"drift {node.id}")
        waiting = select(Job).where(Job.node_id == node.id, Job.cause == CHECK, Job.state == "queued")
        return db.session.scalar(waiting.limit(1)) or request_job(work, node_id=node.id, cause=CHECK, actor=actor)


def check_node(run: TaskRun) -> None:
    """The task: look at the node and record what is otherwise. Raises what ``Exchange`` raises."""

    def ask(op: str, **fields: Any) -> dict[str, Any]:
        return run.exchange.ask(run.node, op, timeout=ASK_SECONDS, **fields)

    kinds = wired_kinds()
    seen = compare(run.node.id, kinds, ask)
    run.report.say("compared", resources=seen.resources, shards=seen.shards, moving=len(seen.moving))
    counts = record_look(run.node.id, kinds, seen)
    run.report.say("differences", **{name: counts[name] for name in ("new", "still", "gone")})


def check_when_due(actor: Actor) -> int:
    """The chore: ask for looks whose time has come, at most one in each round that nobody waits for; return how many.

    Also where something was decided and is done by now, so that it is seen to be so, and where a kept one comes back.
    """
    require(actor, "jobs:write", staff=True)
    _bring_back()
    nodes = set(db.session.scalars(select(Node.id).where(~_has_check(), _is_decided())))
    nodes |= set(_late_nodes(current_app.config["CIS"]))
    for node_id in nodes:
        request_check(actor, node_id)
    return len(nodes)


def differences_query(
    actor: Actor,
    *,
    node_id: uuid.UUID | None = None,
    state: str | None = "open",
    kind: str | None = None,
    resource_id: uuid.UUID | None = None,
) -> Select[Difference]:
    """Differences, narrowed by what is given; ``state`` None: all that no later look has settled."""
    require(actor, "nodes:read", staff=True)
    query = select(Difference).where(is_current() if state is None else Difference.state == state)
    columns = (Difference.node_id, Difference.kind, Difference.resource_id)
    for column, value in zip(columns, (node_id, kind, resource_id), strict=True):
        query = query if value is None else query.where(column == value)
    return query


def get_difference(actor: Actor, difference_id: uuid.UUID) -> Difference:
    """One difference. Raises NotFound."""
    require(actor, "nodes:read", staff=True)
    difference = read_row(Difference, difference_id)
    if difference is None:
        raise NotFound("not_found")
    return difference


def obstacle(difference: Difference) -> str | None:
    """Why a difference cannot be adopted, as an error's code; None where it can."""
    kind = kind_named(difference.kind)
    if kind is None or kind.adopter is None or difference.resource_id is None:
        return "adopt_no_action"
    return kind.adopter.obstacle(difference)


def keep(actor: Actor, difference_id: uuid.UUID, *, reason: str, until: datetime) -> Difference:
    """Leave a difference as it is until ``until``, or until the node shows something else. Raises Invalid, Conflict."""
    reason = one_line("reason", reason, least=1, most=REASON_MOST)
    if not utcnow() < until <= utcnow() + timedelta(days=KEEP_DAYS_MOST):
        raise Invalid("keep_until", field="until", days=KEEP_DAYS_MOST)
    with unit_of_work():
        difference = decide(actor, difference_id, "kept", reason=reason)
        difference.until = until
        forget_problems(wired_kinds(), [(difference.kind, difference.resource_id)])
        count_differing(difference.node_id)
    return difference


def adopt(actor: Actor, difference_id: uuid.UUID, *, member_id: uuid.UUID | None = None) -> Difference:
    """Make what was found what is wanted, by the ordinary action of its kind and under the actor's name.

    ``member_id``: whose it shall be, where the panel knew nothing of it. Raises Conflict with the obstacle's code, and
    what the action raises.
    """
    with unit_of_work() as work:
        difference = decide(actor, difference_id, "adopted")
        why_not = obstacle(difference)
        kind = kind_named(difference.kind)
        if why_not is not None or kind is None or kind.adopter is None:
            raise Conflict(why_not or "adopt_no_action")
        forget_problems([kind], [(difference.kind, difference.resource_id)])
        kind.adopter.adopt(actor, difference, member_id=member_id)
        difference.secrets = None
        db.session.flush()
        count_differing(difference.node_id)
        request_job(work, node_id=difference.node_id, cause=CHECK, actor=actor)
    return difference


def decide(actor: Actor, difference_id: uuid.UUID, state: str, *, reason: str = "") -> Difference:
    """Note a decision about a difference within the running unit of work.

    Raises NotFound, Conflict ``difference_decided`` where a decision is being carried out or nothing differs any more.
    """
    require(actor, "drift:write", staff=True)
    difference = read_row(Difference, difference_id, for_change=True)
    if difference is None:
        raise NotFound("not_found")
    if difference.state not in ("open", "kept"):
        raise Conflict("difference_decided", state=difference.state)
    difference.state, difference.reason, difference.until = state, reason, None
    difference.decided_by, difference.decided_at = actor.name, utcnow()
    record_decisions(actor, [difference], state, reason=reason)
    return difference


def record_decisions(actor: Actor, differences: Iterable[Any], state: str, *, reason: str = "") -> None:
    """Record what was decided about differences, within the running unit of work."""
    told = {"reason": reason} if reason else {}
    record_many(
        actor,
        (
            {
                "tag": f"drift:difference:{_ACTIONS[state]}",
                "kind": one.kind,
                "resource_id": one.resource_id,
                "name": one.name,
                "node_id": one.node_id,
                "data": {"what": one.what} | told,
            }
            for one in differences
        ),
    )


def _bring_back() -> None:
    """Kept differences whose time is over wait for a person again."""
    over = (Difference.state == "kept") & (Difference.until < database_now())
    if db.session.scalar(select(Difference.id).where(over).limit(1)) is None:
        return
    with unit_of_work():
        back = update(Difference).where(over).values(state="open").returning(Difference.node_id)
        nodes = db.session.execute(back, execution_options={"synchronize_session": False}).scalars()
        for node_id in set(nodes):
            count_differing(node_id)


def _late_nodes(settings: Any) -> Sequence[uuid.UUID]:
    """The nodes not looked at for the longest time, as few at a time as the schedule allows."""
    seconds = settings.drift_hours * 3600
    if not seconds:
        return ()
    late = or_(Node.drift_checked_at.is_(None), Node.drift_checked_at < database_now(-seconds))
    query = select(Node.id).where(~_has_check(), late)
    nodes = db.session.scalar(select(func.count()).select_from(Node)) or 0
    first = query.order_by(Node.drift_checked_at.is_not(None), Node.drift_checked_at, Node.id)
    return db.session.scalars(first.limit(1 + nodes * settings.sweep_seconds // seconds)).all()


def _has_check() -> ColumnElement[bool]:
    """A look waits, or was asked for within the hour: one that came to nothing is not asked for again at once."""
    late = or_(Job.state.in_(_UNFINISHED), Job.queued_at > database_now(-AGAIN_SECONDS))
    return exists().where(Job.node_id == Node.id, Job.cause == CHECK, late)


def _is_decided() -> ColumnElement[bool]:
    """A decision waits to be seen carried out, and nothing else is asked of the node."""
    decided = exists().where(Difference.node_id == Node.id, Difference.state.in_(("adopted", "overwriting")))
    return decided & ~exists().where(Job.node_id == Node.id, Job.state.in_((*_UNFINISHED, "waiting_approval")))
