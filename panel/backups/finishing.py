"""Finishing a restore: the panel asks its nodes what they have met meanwhile before it sends them anything again.

A restored panel counts from an old number, and agents refuse what is older than what they know. So counters and fences
are lifted above the nodes' own, and what a node has otherwise than the old database wants becomes a difference that
waits for a person: nothing newer is overwritten by something older.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Integer, bindparam, select, update

from panel.engine.comparing import Ask, Comparing, compare
from panel.engine.kinds import Kind
from panel.engine.looks import record_look
from panel.engine.sides import counted
from panel.kernel.access import Actor, require
from panel.kernel.db import db, unit_of_work, utcnow
from panel.ledger.closings import close, list_closings, open_again
from panel.ledger.events import record
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node, list_nodes
from panel.ledger.plans import HeldPlan
from panel.ledger.verifying import verify_chain
from provisioning.ssh import AgentTooOld, SshError

RESTORED = "restored"
"""Why nodes are closed after a restore."""

FIRST_KINDS = frozenset({"mail_domain", "mailbox", "alias"})
"""What agents have that do not tell what they take: all of them are of mail nodes."""

Asker = Callable[[Node], Ask]


@dataclass(kw_only=True)
class Finished:
    """What became of one node. ``problem``: why it stays closed, None where it is open again.

    ``lifted``: how many counters by kind; ``fence`` before and after; ``differences`` by what differs.
    """

    node: str
    problem: str | None = None
    fence: tuple[int, int] = (0, 0)
    lifted: dict[str, int] = field(default_factory=dict)
    differences: dict[str, int] = field(default_factory=dict)
    only_here: list[str] = field(default_factory=list)
    withdrawn: int = 0


@dataclass(frozen=True)
class _Row:
    """A row's counters as the database has them, and the newest generation that its node has met."""

    id: uuid.UUID
    wanted: int
    settled: bool
    met: int


def finish(actor: Actor, kinds: Sequence[Kind], ask_of: Asker, *, dry_run: bool = False) -> list[Finished]:
    """Bring a restored panel up to its nodes and open the engine; a node that cannot be asked stays closed alone.

    ``dry_run`` asks the nodes and tells what would be done. Doing it again does what is left.
    """
    require(actor, "nodes:write", staff=True)
    closed = {one.node_id for one in list_closings() if one.reason == RESTORED}
    nodes = [node for node in list_nodes(actor) if node.id in closed or None in closed]
    done = [_finish_node(actor, kinds, node, ask_of(node), dry_run=dry_run) for node in nodes]
    if closed and not dry_run:
        left = {one.node for one in done if one.problem is not None}
        _open(actor, [node for node in nodes if node.name in left])
    return done


def _open(actor: Actor, left: Sequence[Node]) -> None:
    chain = verify_chain(actor)
    with unit_of_work():
        open_again(RESTORED)
        for node in left:
            close(RESTORED, node_id=node.id)
        names = [node.name for node in left]
        record(actor, "engine:panel:open", left=names, chained=chain.seq, chain_faults=chain.faulty)


def _finish_node(actor: Actor, kinds: Sequence[Kind], node: Node, ask: Ask, *, dry_run: bool) -> Finished:
    result = Finished(node=node.name, fence=(node.fence, node.fence))
    try:
        hello = ask("hello")
        fence, has = int(hello["fence"]), hello.get("kinds", FIRST_KINDS)
        met = {kind.name: _met(kind, ask) for kind in kinds if kind.comparison is not None and kind.name in has}
        rows = {kind.name: _behind(kind, node, met) for kind in kinds}
        result.fence = (node.fence, max(node.fence, fence))
        result.lifted = {name: len(some) for name, some in rows.items() if some}
        if dry_run:
            seen = compare(node.id, kinds, ask, unsettled=True)
        else:
            seen = _catch_up(actor, kinds, node, rows=rows, ask=ask, result=result)
    except AgentTooOld:
        result.problem = "agent_too_old"
    except SshError as error:
        result.problem = str(error)
    else:
        result.differences = dict(Counter(one.what for one in seen.found))
        result.only_here = [f"{one.kind} {one.name}" for one in seen.found if one.what == "only_here"]
    return result


def _catch_up(
    actor: Actor,
    kinds: Sequence[Kind],
    node: Node,
    *,
    rows: Mapping[str, Sequence[_Row]],
    ask: Ask,
    result: Finished,
) -> Comparing:
    """Lift, compare, record, and leave what is on its way in the old database only where the node agrees with it."""
    with unit_of_work():
        for kind in kinds:
            _lift(kind, rows[kind.name])
        # The batch that was on its way then was answered long ago, and of it only the node knows.
        values = {"fence": result.fence[1], "batch_on_way": None, "updated_at": Node.updated_at}
        db.session.execute(
            update(Node).where(Node.id == node.id).values(values), execution_options={"synchronize_session": False}
        )
        _end_plans(kinds, node)
        result.withdrawn = _withdraw_jobs(node)
    seen = compare(node.id, kinds, ask)
    record_look(node.id, kinds, seen)
    differing = {(one.kind, one.resource_id) for one in seen.found}
    with unit_of_work():
        for kind in kinds:
            agreed = [row.id for row in rows[kind.name] if not row.settled and (kind.name, row.id) not in differing]
            _let_go(kind, agreed)
        record(actor, "engine:node:finish", node_id=node.id, lifted=result.lifted, differing=len(seen.found))
    return seen


def _met(kind: Kind, ask: Ask) -> dict[uuid.UUID, int]:
    """The newest generation of each resource of a kind that the node has or had."""
    known = ask("known", kind=kind.name)
    met: dict[uuid.UUID, int] = {}
    for generations in (known["items"], known["gone"]):
        for id_, generation in generations.items():
            try:
                key = uuid.UUID(id_)
            except ValueError:
                continue  # written on the node by hand: no row of ours has such an id
            met[key] = max(met.get(key, 0), counted(generation))
    return met


def _behind(kind: Kind, node: Node, met: Mapping[str, Mapping[uuid.UUID, int]]) -> list[_Row]:
    """The rows whose node has met their wanted generation or a newer one, and that do not know it."""
    model = kind.model
    everything = {id_: generation for one in met.values() for id_, generation in one.items()}
    theirs = met.get(kind.name, everything)
    query = select(model.id, model.wanted_generation, model.seen_generation).where(model.node_id == node.id)
    rows = (_Row(id_, wanted, seen == wanted, theirs.get(id_, 0)) for id_, wanted, seen in db.session.execute(query))
    return [row for row in rows if row.met > row.wanted or (row.met == row.wanted and not row.settled)]


def _lift(kind: Kind, rows: Sequence[_Row]) -> None:
    """Set all counters to what the node has met: for the comparison nothing of these rows is on its way."""
    newest = bindparam("met", type_=Integer())
    counters = dict.fromkeys(("wanted_generation", "sent_generation", "applied_generation", "seen_generation"), newest)
    _update(kind, [{"key": row.id, "met": row.met} for row in rows], **counters)


def _let_go(kind: Kind, ids: Sequence[uuid.UUID]) -> None:
    """What was on its way and is on the node as wanted still has to be seen from outside: it is sent once more."""
    before = kind.table.c.wanted_generation - 1
    forgotten = dict.fromkeys(("problem_code", "problem_message", "problem_since", "retry_at"))
    _update(kind, [{"key": id_} for id_ in ids], seen_generation=before, attempts=0, **forgotten)


def _update(kind: Kind, rows: list[dict[str, Any]], **values: Any) -> None:
    table = kind.table
    statement = update(table).where(table.c.id == bindparam("key")).values(updated_at=table.c.updated_at, **values)
    if rows:
        db.session.connection().execute(statement, sorted(rows, key=lambda row: row["key"]))


def _end_plans(kinds: Sequence[Kind], node: Node) -> None:
    """What somebody approved then is weighed anew: much of it may have been done since."""
    for kind in kinds:
        table = kind.table
        held = (table.c.node_id == node.id) & table.c.plan_id.is_not(None)
        db.session.connection().execute(update(table).where(held).values(plan_id=None, updated_at=table.c.updated_at))
    db.session.execute(
        update(HeldPlan)
        .where(HeldPlan.node_id == node.id, HeldPlan.state.in_(("waiting", "approved")))
        .values(state="outdated"),
        execution_options={"synchronize_session": False},
    )


def _withdraw_jobs(node: Node) -> int:
    """End the jobs of the time before: what they asked for is asked anew where it still is to be done."""
    unfinished = Job.state.in_(("queued", "running", "waiting_approval"))
    line = {"at": utcnow().isoformat(timespec="milliseconds"), "text": "withdrawn by a restore"}
    ended = db.session.execute(
        update(Job)
        .where(Job.node_id == node.id, unfinished)
        .values(state="cancelled", finished_at=utcnow(), log=[line])
        .returning(Job.id),
        execution_options={"synchronize_session": False},
    )
    return len(ended.all())
