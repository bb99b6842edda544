"""Looking again, on a schedule, at what was seen: what stops working is not called active for long.

Each resource is looked at about every ``CIS_LOOK_HOURS``, the longest not looked at first, with a budget for each node
and round. What is not seen any more becomes *drifted* with the time it was last seen, and is looked at again soon and
as deep as can be. Where a whole node is silent, a few stand for all and the node itself shows it. What is removed was
seen to be gone once, and is not looked at again: that it stays away is told by comparing whole nodes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Float, bindparam, exists, func, or_, select, update

from panel.engine import records
from panel.engine.exchange import Exchange
from panel.engine.kinds import Kind, LookerFor, Wanted
from panel.engine.marks import PORTS_SILENT, mark_ports
from panel.engine.portions import read
from panel.engine.records import NOT_SEEN, Bad, Pace
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.events import record_many
from panel.ledger.nodes import Lease, Node, require_lease
from provisioning.probes.findings import Seen

CHUNK = 100
"""Looked at in one go: about a second, for which a change may have to wait."""

DEEP = 20
"""How many that were lost are looked at in one go: few enough for each to be tried as deep as can be."""

_UNREACHABLE = f"{NOT_SEEN}unreachable"
_ENOUGH = 3


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """Looks at what is active. ``per_round`` is the budget of a node for each ``round_seconds``."""

    kinds: Sequence[Kind]
    exchange: Exchange
    looker_for: LookerFor
    pace: Pace
    per_round: int
    round_seconds: float

    def look_round(self, node: Node, lease: Lease, *, is_wanted: Callable[[], bool]) -> int:
        """Look at what is due until the round's budget is spent, or something else is wanted of the node.

        Returns how many were looked at. Raises what ``Exchange`` raises.
        """
        if node.id not in self.nodes_due(only=node.id):
            return 0
        silent = node.problem_code == PORTS_SILENT
        budget = min(DEEP, self.per_round) if silent else self.per_round
        looked = 0
        while looked < budget:
            some = (silent and self._canaries(node)) or self._next(node, min(CHUNK, budget - looked))
            if not some or (not looked and not _begin_round(node, self.round_seconds)):
                break
            looked += len(some)
            if self._look(node, lease, some) or is_wanted():
                break
        return looked

    def nodes_due(self, *, only: uuid.UUID | None = None) -> set[uuid.UUID]:
        """Nodes that have something to look at, and whose last round is long enough ago; of ``only`` one, if given."""
        due = [
            exists().where(kind.model.node_id == Node.id, *_settled(kind), time)
            for kind in self.kinds
            for time in self._times(kind)
        ]
        query = select(Node.id).where(or_(*due), _round_is_over(self.round_seconds))
        return set(db.session.scalars(query if only is None else query.where(Node.id == only)))

    def _times(self, kind: Kind) -> tuple[ColumnElement[bool], ...]:
        """SQL, one for each range of an index: the time has come, or was set by a clock that went wrong."""
        return kind.model.look_at <= _now(), kind.model.look_at > _now(2 * self.pace.look_seconds)

    def _next(self, node: Node, most: int) -> list[Wanted]:
        """What is due for the longest time; where some of it was lost, that alone, to be looked at deeper."""
        some: list[Wanted] = []
        for kind in self.kinds:
            for due in self._times(kind):
                mine = kind.model.node_id == node.id
                some += read(kind, mine, *_settled(kind), due, order=kind.model.look_at, limit=most, bad=[])
        some = sorted(some, key=attrgetter("row.look_at"))[:most]
        return [one for one in some if _is_lost(one)][:DEEP] or some

    def _canaries(self, node: Node) -> list[Wanted]:
        """Some of those that showed that the node is silent: when they are seen again, it is not."""
        lost: list[Wanted] = []
        for kind in self.kinds:
            was_lost = kind.model.problem_code.startswith(NOT_SEEN, autoescape=True)
            lost += read(kind, kind.model.node_id == node.id, *_settled(kind), was_lost, limit=DEEP, bad=[])
        return lost[:DEEP]

    def _look(self, node: Node, lease: Lease, some: Sequence[Wanted]) -> bool:
        """Look and record; tell whether the node is silent."""
        look = self.looker_for(node).prepare(some)
        if look.watch is not None:
            self.exchange.ask(node, "watch", fence=lease.fence, watch=dict(look.watch))
        seen, lost = records.sorted_findings(some, look.see(some))
        silent = _is_silent(seen, lost)
        if silent:
            lost = [one for one in lost if one.code != _UNREACHABLE or _is_lost(one.one)] + _first_new(lost)
        record_looks(node, lease, seen, lost, self.pace)
        if silent or node.problem_code == PORTS_SILENT:
            mark_ports(node, lost[0].message if silent else None)
        return silent


def record_looks(
    node: Node, lease: Lease, seen: Sequence[tuple[Wanted, Seen]], lost: Sequence[Bad], pace: Pace
) -> None:
    """Record what looks at active resources found; of a change meanwhile nothing is said. Raises LeaseLost."""
    found = [(one, finding) for one, finding in seen if _is_lost(one)]
    with unit_of_work():
        require_lease(lease, seconds=pace.lease_seconds)
        _update_seen([(one, finding) for one, finding in seen if not _is_lost(one)], pace)
        _update_seen(found, pace, problem_code=None, problem_message=None, problem_since=None, attempts=0)
        _update_lost(lost)
        record_many(
            SYSTEM,
            [records.event(node, one, "found", how=finding.how) for one, finding in found]
            + [
                records.event(node, one.one, "lost", code=one.code, message=one.message)
                for one in lost
                if not _is_lost(one.one)
            ],
        )


def _update_seen(seen: Iterable[tuple[Wanted, Seen]], pace: Pace, **values: Any) -> None:
    for kind, rows in records.seen_rows(seen, pace):
        records.update_rows(
            kind,
            rows,
            current_only=True,
            seen_at=database_now(bindparam("ago", type_=Float())),
            seen_how=bindparam("how"),
            look_at=database_now(bindparam("look", type_=Float())),
            **records.told_binds(kind, rows),
            **values,
        )


def _update_lost(lost: Sequence[Bad]) -> None:
    """A difference found on the node stays told; that it is not seen either changes nothing in its state."""
    for kind, group in records.bad_by_kind(lost):
        rows = [
            {
                "key": one.one.row.id,
                "generation": one.one.item.generation,
                "code": one.code,
                "message": one.message[: records.MESSAGE_MOST],
                "look": records.retry_seconds(one.one.row.attempts),
            }
            for one in group
            if one.one.row.problem_code is None or _is_lost(one.one)
        ]
        model = kind.model
        records.update_rows(
            kind,
            rows,
            current_only=True,
            problem_code=bindparam("code"),
            problem_message=bindparam("message"),
            problem_since=func.coalesce(model.problem_since, database_now()),
            retry_at=None,
            look_at=database_now(bindparam("look", type_=Float())),
            attempts=model.attempts + 1,
        )
        other = [{"key": one.one.row.id, "generation": one.one.item.generation} for one in group]
        told = {row["key"] for row in rows}
        other = [row for row in other if row["key"] not in told]
        records.update_rows(kind, other, current_only=True, look_at=database_now(records.retry_seconds(3)))


def _is_silent(seen: Sequence[tuple[Wanted, Seen]], lost: Sequence[Bad]) -> bool:
    """Whether it is the node that does not answer: nothing of it, or no port behind which one signs in."""
    silent = [one for one in lost if one.code == _UNREACHABLE]
    deep = any(finding.how in ("login", "message") for _, finding in seen)
    return bool(silent) and (len(silent) == len(seen) + len(lost) or (len(silent) >= _ENOUGH and not deep))


def _first_new(lost: Sequence[Bad]) -> list[Bad]:
    """The first that stand for all others on a silent node."""
    return [one for one in lost if one.code == _UNREACHABLE and not _is_lost(one.one)][:DEEP]


def _is_lost(one: Wanted) -> bool:
    return bool(one.row.problem_code) and str(one.row.problem_code).startswith(NOT_SEEN)


def _settled(kind: Kind) -> tuple[ColumnElement[bool], ...]:
    model = kind.model
    return (
        model.look_at.is_not(None),
        model.want == "put",
        model.seen_generation == model.wanted_generation,
    )


def _now(seconds: float = 0) -> Any:
    """The database's clock, asked once for a statement: an index can be searched by it."""
    return select(database_now(seconds)).scalar_subquery()


def _round_is_over(seconds: float) -> ColumnElement[bool]:
    return or_(Node.looks_at.is_(None), Node.looks_at < database_now(-0.9 * seconds), Node.looks_at > database_now(1))


def _begin_round(node: Node, seconds: float) -> bool:
    """Whether the node's budget is free again; it is taken then, whichever worker asks."""
    with unit_of_work():
        begun = db.session.execute(
            update(Node)
            .where(Node.id == node.id, _round_is_over(seconds))
            .values(looks_at=database_now(), updated_at=Node.updated_at)
            .returning(Node.id),
            execution_options={"synchronize_session": False},
        ).scalar_one_or_none()
    return begun is not None
