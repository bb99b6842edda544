"""Repair: making a node again have what is wanted, where a person decided so.

A repair is a plan like any other: rows get a new generation and go the ordinary way, with the guard before it; what
only the node knew becomes an orphan to be removed; rows of a daemon's map go by ``drop``. Only a later look says it is
done.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Integer, bindparam, case, select, update

from panel.engine.drift import check_node, decide, differences_query, record_decisions
from panel.engine.kinds import Kind, kind_named
from panel.engine.sides import IDS_AT_ONCE, chunks
from panel.engine.tasks import TaskRun
from panel.kernel.access import Actor, require
from panel.kernel.db import Work, db, one_at_a_time, read_row, table_of, unit_of_work, utcnow
from panel.kernel.errors import Conflict
from panel.ledger.differences import FILE, MAP_ROW, Difference, count_differing
from panel.ledger.jobs import Job, request_job
from panel.ledger.nodes import get_node
from panel.ledger.orphans import Orphan
from provisioning.ssh import AgentError

OVERWRITE, REPAIR = "nodes:drift:overwrite", "nodes:drift:repair"
"""Causes of jobs: the rows that go to the node again, and the task that follows it (map rows, then a new look)."""

_NAME = re.compile(r"[A-Za-z0-9@._+/-]{1,254}")
SHOWN_MOST, DROPPED_AT_ONCE = 500, 1_000


class Differing(Protocol):
    """A difference, or a row of its columns: a whole node may have a hundred thousand."""

    @property
    def id(self) -> Any:
        """Its own id."""

    @property
    def kind(self) -> Any:
        """Of what."""

    @property
    def resource_id(self) -> Any:
        """Under which id of ours, None where there is none."""

    @property
    def name(self) -> Any:
        """What people call it."""

    @property
    def what(self) -> Any:
        """What is otherwise."""

    @property
    def found_digest(self) -> Any:
        """What the node shows."""

    @property
    def found_generation(self) -> Any:
        """The newest generation that the node has met."""


_COLUMNS = (
    Difference.id,
    Difference.node_id,
    Difference.kind,
    Difference.resource_id,
    Difference.name,
    Difference.what,
    Difference.found_digest,
    Difference.found_generation,
)


@dataclass(frozen=True, kw_only=True)
class RepairPlan:
    """What overwriting all open differences of a node would do; the fields are those of any plan that waits.

    ``changes``: the first 500, each ``kind id name verb member_id``. ``left``: how many open ones no repair can touch.
    """

    digest: str
    made_at: datetime
    counts: Sequence[tuple[str, str, int, int]]
    changes: Sequence[dict[str, Any]]
    total: int
    left: int
    requested_by: Sequence[str] = ()
    second_person: bool = False
    reason: str = "drift"


def overwrite(actor: Actor, difference_id: uuid.UUID) -> Job:
    """Have the node get what is wanted again, or lose what nobody wanted. Raises NotFound, Conflict."""
    with unit_of_work() as work:
        difference = decide(actor, difference_id, "overwriting")
        why_not = no_repair(difference)
        if why_not is not None:
            raise Conflict(why_not)
        return _carry_out(work, actor, difference.node_id, [difference])


def repair_plan(actor: Actor, node_id: uuid.UUID) -> RepairPlan:
    """What overwriting every open difference of the node would do, to be approved by its digest."""
    node = get_node(actor, node_id)
    return _plan(_open(actor, node.id))


def approve_repair(actor: Actor, node_id: uuid.UUID, *, digest: str) -> Job:
    """Overwrite what ``repair_plan`` showed. Raises Conflict ``plan_outdated`` where it would do something else now."""
    require(actor, "drift:write", staff=True)
    node = get_node(actor, node_id)
    with unit_of_work() as work:
        one_at_a_time(f"drift {node.id}")
        differences = _open(actor, node.id)
        if _plan(differences).digest != digest:
            raise Conflict("plan_outdated")
        chosen = [one for one in differences if no_repair(one) is None]
        if not chosen:
            raise Conflict("nothing_differs")
        _mark_overwriting(actor, chosen)
        return _carry_out(work, actor, node.id, chosen)


def no_repair(difference: Differing) -> str | None:
    """Why a difference cannot be overwritten from here, as an error's code; None where it can."""
    if difference.kind == FILE:
        return "repair_by_setup"
    if difference.kind != MAP_ROW and difference.resource_id is None:
        return "repair_bad_id"
    if difference.what in ("only_here", "foreign") and not _NAME.fullmatch(difference.name):
        return "repair_bad_id"  # by this name somebody would look from outside whether it is gone
    return None


def repair_node(run: TaskRun) -> None:
    """The task that follows the rows: drop what nobody wanted from daemons' maps, then look anew."""
    doomed = (
        select(Difference)
        .where(Difference.node_id == run.node.id, Difference.kind == MAP_ROW, Difference.state == "overwriting")
        .order_by(Difference.id)
    )
    rows = [{"map": (one.found or {})["map"], "key": (one.secrets or {})["key"]} for one in db.session.scalars(doomed)]
    for foreign in chunks(rows, DROPPED_AT_ONCE):
        _drop(run, foreign)
    check_node(run)


def _drop(run: TaskRun, foreign: list[dict[str, str]]) -> None:
    """Have rows dropped; where the agent objects to one, each goes alone, and the next look tells what is left."""
    try:
        reply = run.exchange.ask(run.node, "drop", fence=run.lease.fence, foreign=foreign)
    except AgentError as error:
        if error.code != "bad_request":
            raise
        for one in foreign if len(foreign) > 1 else ():
            _drop(run, [one])
    else:
        run.report.say("dropped", asked=len(foreign), dropped=len(reply["dropped"]))


def _open(actor: Actor, node_id: uuid.UUID) -> Sequence[Differing]:
    query = differences_query(actor, node_id=node_id).order_by(Difference.id).with_for_update(of=Difference)
    return db.session.execute(query.with_only_columns(*_COLUMNS)).all()


def _mark_overwriting(actor: Actor, chosen: Sequence[Differing]) -> None:
    table = table_of(Difference)
    same = {"state": "overwriting", "reason": "", "until": None, "decided_by": actor.name, "decided_at": utcnow()}
    statement = update(table).where(table.c.id == bindparam("one")).values(same)
    db.session.connection().execute(statement, [{"one": one.id} for one in chosen])
    record_decisions(actor, chosen, "overwriting")


def _plan(differences: Sequence[Differing]) -> RepairPlan:
    chosen = [one for one in differences if no_repair(one) is None]
    steps = [[str(one.id), one.kind, one.what, one.found_digest] for one in chosen]
    counts = Counter((one.kind, _verb(one)) for one in chosen)
    return RepairPlan(
        digest=hashlib.sha256(json.dumps(steps).encode()).hexdigest(),
        made_at=utcnow(),
        counts=[(kind, verb, number, number) for (kind, verb), number in sorted(counts.items())],
        changes=[_change(one) for one in chosen[:SHOWN_MOST]],
        total=len(chosen),
        left=len(differences) - len(chosen),
    )


def _change(difference: Differing) -> dict[str, Any]:
    return {
        "kind": difference.kind,
        "id": None if difference.resource_id is None else str(difference.resource_id),
        "name": difference.name,
        "verb": _verb(difference),
        "member_id": None,
    }


def _verb(difference: Differing) -> str:
    if difference.what in ("only_here", "foreign"):
        return "remove"
    return "create" if difference.what == "missing" else "update"


def _carry_out(work: Work, actor: Actor, node_id: uuid.UUID, chosen: Sequence[Differing]) -> Job:
    """Want everything again and ask for it; the job returned is the one to watch."""
    by_kind: dict[str, list[Differing]] = defaultdict(list)
    for one in chosen:
        if one.kind != MAP_ROW:
            by_kind[one.kind].append(one)
    db.session.flush()
    for name, differences in by_kind.items():
        kind = kind_named(name)
        known = (
            set()
            if kind is None
            else want_again(kind, node_id, {_id(one): one.found_generation for one in differences})
        )
        _want_gone(node_id, [one for one in differences if one.resource_id not in known])
    count_differing(node_id)
    return _request_jobs(work, actor, node_id, chosen, rows=bool(by_kind))


def want_again(kind: Kind, node_id: uuid.UUID, met: Mapping[uuid.UUID, int]) -> set[uuid.UUID]:
    """Want a new generation of rows of the node, each above the one that the node has met; return the ids it has.

    ``met``: by id. Within the running unit of work.
    """
    known: set[uuid.UUID] = set()
    for some in chunks(sorted(met), IDS_AT_ONCE):
        mine = select(kind.model.id).where(kind.model.node_id == node_id, kind.model.id.in_(some))
        known |= set(db.session.scalars(mine))
    table = kind.table
    newest = bindparam("met", type_=Integer())
    statement = (
        update(table)
        .where(table.c.id == bindparam("key"))
        .values(
            wanted_generation=case((table.c.wanted_generation > newest, table.c.wanted_generation), else_=newest) + 1,
            problem_code=None,
            problem_message=None,
            problem_since=None,
            retry_at=None,
            plan_id=None,
            attempts=0,
        )
    )
    if known:
        db.session.connection().execute(statement, [{"key": id_, "met": met[id_]} for id_ in sorted(known)])
    return known


def _want_gone(node_id: uuid.UUID, differences: Sequence[Differing]) -> None:
    """What has no row of ours on this node gets one to be removed by."""
    for difference in differences:
        orphan = read_row(Orphan, difference.resource_id, for_change=True) or Orphan(
            id=difference.resource_id, kind=difference.kind, want="remove", wanted_generation=0
        )
        orphan.node_id, orphan.name = node_id, difference.name
        orphan.wanted_generation = max(orphan.wanted_generation, difference.found_generation)
        orphan.change()
        db.session.add(orphan)


def _id(difference: Differing) -> uuid.UUID:
    if difference.resource_id is None:
        raise Conflict("repair_bad_id")
    found: uuid.UUID = difference.resource_id
    return found


def _request_jobs(work: Work, actor: Actor, node_id: uuid.UUID, chosen: Sequence[Differing], *, rows: bool) -> Job:
    """One job for the rows, where there are any, and one that follows: the first of them."""
    alone = chosen[0] if len(chosen) == 1 else None
    first = rows and request_job(
        work,
        node_id=node_id,
        cause=OVERWRITE,
        actor=actor,
        resource_kind=None if alone is None else alone.kind,
        resource_id=None if alone is None else alone.resource_id,
    )
    last = request_job(work, node_id=node_id, cause=REPAIR, actor=actor)
    return first or last
