"""The guard: what would remove too much at once is set aside for a person; all else goes ahead.

A bound is over for a kind when at least 50 of its resources, and more than a fifth of what the node has, would go: of
all that is not removed yet, however many portions it takes. The node has a bound of its own; what it refuses by that is
set aside in the same way.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, update

from panel.engine.kinds import Kind, Wanted
from panel.engine.portions import IDS_AT_ONCE, chunks, read
from panel.engine.records import by_kind
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id, unit_of_work
from panel.ledger.events import record
from panel.ledger.jobs import Job, wake_waiting
from panel.ledger.nodes import Node
from panel.ledger.plans import HeldPlan, approved_on, end_plan, waiting_on
from provisioning.plan import REMOVED_COUNT_MIN, REMOVED_SHARE_MAX, make_plan
from provisioning.resources import Gone

REMOVALS = ("remove", "purge", "overwrite")
"""How the causes of jobs end that ask for removals in bulk."""

REMOVED, AGENT, PASSWORDS = "removed:", "agent:", "agent:password_changes"


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Sets aside, for one node, what needs a person."""

    node: Node
    kinds: Sequence[Kind]

    def check(self, *, refused: Collection[str] = (), rows: Sequence[Wanted] = ()) -> bool:
        """Bring the node's waiting plan in step with what is wanted now; tell whether more was set aside than before.

        ``refused``: what the node's own bound said no to (*removed:KIND*, *password_changes*); ``rows``: its batch.
        """
        waiting = waiting_on(self.node.id)
        going = self._count_going()
        if waiting is not None and not refused and self._is_in_step(waiting, going):
            return False
        reasons = self._reasons(waiting, refused, going)
        if not reasons and waiting is None:
            return False
        held = self._held(reasons, waiting, rows)
        if held:
            return self._hold(waiting, held, reasons)
        self._let_go(waiting)
        return False

    def held_among(self, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Those of ``ids`` that are set aside."""
        held = set[uuid.UUID]()
        waiting = waiting_on(self.node.id) if ids else None
        if waiting is None:
            return held
        for some in chunks(ids, IDS_AT_ONCE):
            for kind in self.kinds:
                mine = select(kind.model.id).where(kind.model.id.in_(some), kind.model.plan_id == waiting.id)
                held |= set(db.session.scalars(mine))
        return held

    @staticmethod
    def refused(what: str, rows: Sequence[Wanted]) -> list[str]:
        """What the node said no to; agents of the first protocol do not say, so what is in the batch tells."""
        if what:
            return [what]
        removed = {one.kind.name for one in rows if isinstance(one.item, Gone)}
        return [f"{REMOVED}{name}" for name in sorted(removed)] or [PASSWORDS.removeprefix(AGENT)]

    def _count_going(self) -> dict[str, int]:
        """How many removals the node has not confirmed, by kind, approved or not."""
        counted = (_counted(kind, self.node.id, is_going(kind)) for kind in self.kinds)
        numbers = db.session.execute(select(*counted)).one()
        return {kind.name: number for kind, number in zip(self.kinds, numbers, strict=True)}

    def _is_in_step(self, waiting: HeldPlan, going: Mapping[str, int]) -> bool:
        """Told by counting what is unsettled, however much the node has.

        Whatever is changed leaves its plan, and what would have to join it is in none. It is out of step too when
        another kind may be over its bound, or one of its own is under it by now.
        """
        names = {reason.rpartition(":")[2] for reason in waiting.reasons}
        ours = {reason.removeprefix(REMOVED) for reason in waiting.reasons if reason.startswith(REMOVED)}
        over = {name for name, number in going.items() if number >= REMOVED_COUNT_MIN}
        if over - names or ours - over:
            return False
        joining, kept = 0, 0
        for kind in self.kinds:
            if kind.name in names:
                joining += count(kind, self.node.id, is_going(kind), kind.model.in_no_plan("waiting", "approved"))
            kept += count(kind, self.node.id, _is_unsettled(kind), kind.model.plan_id == waiting.id)
        return not joining and kept == sum(number for _, _, number, _ in waiting.counts)

    def _reasons(self, waiting: HeldPlan | None, refused: Collection[str], going: Mapping[str, int]) -> list[str]:
        of_node = {f"{AGENT}{what}" for what in refused}
        if waiting is not None:
            of_node |= {reason for reason in waiting.reasons if reason.startswith(AGENT)}
        over = {
            f"{REMOVED}{kind.name}"
            for kind in self.kinds
            if going[kind.name] >= REMOVED_COUNT_MIN and self._is_over(kind, going[kind.name])
        }
        return sorted(of_node | over)

    def _is_over(self, kind: Kind, going: int) -> bool:
        return going > REMOVED_SHARE_MAX * max(going, count_there(kind, self.node.id))

    def _held(self, reasons: Sequence[str], waiting: HeldPlan | None, rows: Sequence[Wanted]) -> list[Wanted]:
        """All removals of the kinds that are over a bound; of changed passwords those of the refused batches."""
        held: list[Wanted] = []
        for kind in self.kinds:
            mine = kind.model.node_id == self.node.id
            if {f"{REMOVED}{kind.name}", f"{AGENT}{REMOVED}{kind.name}"} & set(reasons):
                held += read(kind, mine, is_going(kind), kind.model.in_no_plan("approved"))
            if PASSWORDS in reasons:
                puts = [one.row.id for one in rows if one.kind is kind and not isinstance(one.item, Gone)]
                held += self._changes(kind, waiting, puts)
        return held

    def _changes(self, kind: Kind, waiting: HeldPlan | None, ids: Sequence[uuid.UUID]) -> list[Wanted]:
        unsettled = (kind.model.want == "put", _is_unsettled(kind))
        found: dict[uuid.UUID, Wanted] = {}
        if waiting is not None:
            mine = kind.model.node_id == self.node.id
            found = {one.row.id: one for one in read(kind, mine, kind.model.plan_id == waiting.id, *unsettled, bad=[])}
        for some in chunks(ids, IDS_AT_ONCE):
            found |= {one.row.id: one for one in read(kind, kind.model.id.in_(some), *unsettled, bad=[])}
        return [found[id_] for id_ in sorted(found)]

    def _hold(self, waiting: HeldPlan | None, held: Sequence[Wanted], reasons: list[str]) -> bool:
        digest = digest_of(held)
        if waiting is not None and waiting.digest == digest:
            return False
        ids = {one.row.id for one in held}
        plan = HeldPlan(
            id=new_id(),
            node_id=self.node.id,
            digest=digest,
            reasons=reasons,
            counts=_counts(self.node.id, held),
            requested_by=_requested_by(self.node.id, sorted(ids)),
        )
        with unit_of_work():
            if waiting is not None:
                outdate(self.node, waiting)
            db.session.add(plan)
            db.session.flush()
            for kind, group in by_kind(held):
                _set_plan(kind, [one.row.id for one in group], plan.id)
            wake_waiting(self.node.id, but=ids)
            record(SYSTEM, "plans:plan:wait", node_id=self.node.id, name=self.node.name, changes=len(held))
        return True

    def _let_go(self, waiting: HeldPlan | None) -> None:
        if waiting is not None:
            with unit_of_work():
                outdate(self.node, waiting)
                wake_waiting(self.node.id)


def outdate(node: Node, waiting: HeldPlan) -> None:
    """Let a plan hold nothing any more, within the running unit of work: something of it changed."""
    end_plan(waiting.id, state="outdated")
    record(SYSTEM, "plans:plan:outdate", node_id=node.id, name=node.name)


def _is_unsettled(kind: Kind) -> ColumnElement[bool]:
    """SQL: what the index of unsettled rows holds, so that few rows are few."""
    return kind.model.seen_generation < kind.model.wanted_generation


def is_going(kind: Kind) -> ColumnElement[bool]:
    """SQL: removals that the node has not confirmed yet."""
    model = kind.model
    return and_(
        _is_unsettled(kind),
        model.applied_generation < model.wanted_generation,
        model.want != "put",
    )


def count_there(kind: Kind, node_id: uuid.UUID) -> int:
    """How many of a kind the node has."""
    model = kind.model
    removed = and_(model.want != "put", model.applied_generation >= model.wanted_generation)
    return count(kind, node_id, model.applied_generation > 0, not_(removed))


def count(kind: Kind, node_id: uuid.UUID, *conditions: ColumnElement[bool]) -> int:
    """How many rows of a kind there are for the node."""
    return db.session.scalar(select(_counted(kind, node_id, *conditions))) or 0


def _counted(kind: Kind, node_id: uuid.UUID, *conditions: ColumnElement[bool]) -> Any:
    query = select(func.count()).select_from(kind.model).where(kind.model.node_id == node_id, *conditions)
    return query.scalar_subquery()


def digest_of(held: Iterable[Wanted]) -> str:
    """What an approval of these changes binds to."""
    return make_plan((one.item for one in held), {}).digest


def _counts(node_id: uuid.UUID, held: Iterable[Wanted]) -> list[list[object]]:
    verbs = Counter((one.kind.name, verb_of(one)) for one in held)
    kinds = {one.kind.name: one.kind for one in held}
    return [[name, verb, number, count_there(kinds[name], node_id)] for (name, verb), number in sorted(verbs.items())]


def verb_of(one: Wanted) -> str:
    """What happens to the resource: *create*, *update*, *remove* or *purge*."""
    if isinstance(one.item, Gone):
        return "purge" if one.item.purge else "remove"
    return "update" if one.row.applied_generation else "create"


def _requested_by(node_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> list[dict[str, str | None]]:
    """Who asked last for each of the resources: jobs are never deleted, and a withdrawn one asked all the same.

    Also who asked for removals in bulk that did not end yet.
    """
    newest: dict[uuid.UUID | None, tuple[str, uuid.UUID | None]] = {}
    for some in chunks(ids, IDS_AT_ONCE):
        query = (
            select(Job.resource_id, Job.actor, Job.user_id)
            .where(Job.resource_id.in_(some), Job.actor != SYSTEM.ref)
            .order_by(Job.id)
        )
        newest |= {resource_id: (actor, user_id) for resource_id, actor, user_id in db.session.execute(query)}
    asked = set(newest.values()) | _asked_in_bulk(node_id)
    return [
        {"ref": actor, "user_id": None if user_id is None else str(user_id)}
        for actor, user_id in sorted(asked, key=lambda one: one[0])
    ]


def _asked_in_bulk(node_id: uuid.UUID) -> set[tuple[str, uuid.UUID | None]]:
    removals = or_(*(Job.cause.endswith(f":{end}") for end in REMOVALS))
    query = select(Job.actor, Job.user_id).where(
        Job.node_id == node_id,
        Job.resource_id.is_(None),
        Job.state.in_(("queued", "running", "waiting_approval")),
        Job.actor != SYSTEM.ref,
        removals,
    )
    return {(actor, user_id) for actor, user_id in db.session.execute(query)}


def end_carried_out(node_id: uuid.UUID, kinds: Sequence[Kind]) -> None:
    """End approved plans of which nothing is left that would still be tried."""
    for plan in approved_on(node_id):
        left = (_will_be_tried(kind, plan) for kind in kinds)
        if not any(count(kind, node_id, condition) for kind, condition in zip(kinds, left, strict=True)):
            approved_at = None if plan.approved_at is None else plan.approved_at.isoformat(timespec="seconds")
            with unit_of_work():
                end_plan(plan.id, state="done")
                record(
                    SYSTEM, "plans:plan:done", node_id=node_id, approved_by=plan.approved_by, approved_at=approved_at
                )


def _will_be_tried(kind: Kind, plan: HeldPlan) -> ColumnElement[bool]:
    model = kind.model
    return and_(
        _is_unsettled(kind), model.plan_id == plan.id, or_(model.problem_code.is_(None), model.retry_at.is_not(None))
    )


def _set_plan(kind: Kind, ids: Sequence[uuid.UUID], plan_id: uuid.UUID) -> None:
    table = kind.table
    for some in chunks(ids, IDS_AT_ONCE):
        db.session.execute(
            update(table)
            .where(table.c.id.in_(some))
            .values(plan_id=plan_id, sent_generation=table.c.applied_generation, updated_at=table.c.updated_at)
        )
