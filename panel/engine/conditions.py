"""What somebody must be told of: read from the ledger alone, by the database's clock, in queries that cost little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from panel.engine.health import certificate_expires_at
from panel.engine.kinds import wired_kinds
from panel.kernel.db import database_now, db
from panel.ledger.backups import ages_of_backups
from panel.ledger.closings import list_closings
from panel.ledger.differences import Difference, counts_as_open
from panel.ledger.jobs import Job
from panel.ledger.messages import Message
from panel.ledger.nodes import Node
from panel.ledger.notices import Notice

SILENT = timedelta(minutes=10)
UNSEEN_SECONDS = 600
CERTIFICATE = timedelta(days=14)
BACKUP = timedelta(hours=26)
FAILED_LEAST, FAILED_SECONDS, ATTEMPTS_LEAST = 3, 3600, 5
COUNTED_MOST = 10_000
STUCK_SECONDS, GIVEN_UP_SECONDS = 3600, 3 * 24 * 3600
"""How long a message may wait to leave, and for how long one that never did is somebody's concern."""

CODES = frozenset(
    {
        "host_key_changed",
        "node_silent",
        "ports_silent",
        "certificate_ends",
        "drift_open",
        "plan_waiting",
        "jobs_failing",
        "engine_closed",
        "backup_old",
        "messages_failing",
        "messages_waiting",
        "secondary_silent",
        "signatures_expiring",
        "ds_mismatch",
        "ds_awaited",
    }
)
"""Every code that ``conditions`` may give."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One thing that is so now. ``node``: None where it concerns none or all of them."""

    code: str
    node: Node | None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Under which an alarm is open for it: one for each code and node."""
        return f"{self.code}:{self.node.id if self.node else 'panel'}"


Reader = Callable[[Mapping[Any, Node], datetime], Iterable[Condition]]


def conditions() -> list[Condition]:
    """All that is so now, in the order of the readers below."""
    now = db.session.scalars(select(database_now())).one()
    nodes = {node.id: node for node in db.session.scalars(select(Node).execution_options(populate_existing=True))}
    return [condition for read in _READERS for condition in read(nodes, now)]


def _host_keys(nodes: Mapping[Any, Node], _now: datetime) -> Iterator[Condition]:
    for node in nodes.values():
        if node.problem_code == "host_key_changed":
            yield Condition(code="host_key_changed", node=node)


def _silent(nodes: Mapping[Any, Node], now: datetime) -> Iterator[Condition]:
    """Nodes whose agent has not answered for ten minutes, for whatever reason but a changed key."""
    for node in nodes.values():
        last = node.last_seen_at or node.created_at
        if now - last > SILENT and node.problem_code != "host_key_changed":
            since = last.isoformat(timespec="seconds")
            yield Condition(code="node_silent", node=node, params={"since": since, "problem": node.problem_code or ""})


def _ports(nodes: Mapping[Any, Node], _now: datetime) -> Iterator[Condition]:
    """Nodes on which resources have not been seen from outside for ten minutes, although the node confirmed them."""
    counts: Counter[Any] = Counter()
    for kind in wired_kinds():
        model = kind.model
        unseen = (
            select(model.node_id)
            .where(
                model.problem_code.is_not(None),
                model.problem_code.startswith("not_seen_", autoescape=True),
                model.problem_since < database_now(-UNSEEN_SECONDS),
            )
            .limit(COUNTED_MOST)
            .subquery()
        )
        counts.update(dict(_pairs(select(unseen.c.node_id, func.count()).group_by(unseen.c.node_id))))
    return _counted("ports_silent", nodes, counts)


def _certificates(nodes: Mapping[Any, Node], now: datetime) -> Iterator[Condition]:
    for node in nodes.values():
        ends = certificate_expires_at(node)
        if ends is not None and ends - now < CERTIFICATE:
            yield Condition(code="certificate_ends", node=node, params={"ends": ends.isoformat(timespec="seconds")})


def _drift(nodes: Mapping[Any, Node], _now: datetime) -> Iterator[Condition]:
    query = select(Difference.node_id, func.count()).where(counts_as_open()).group_by(Difference.node_id)
    return _counted("drift_open", nodes, dict(_pairs(query)))


def _plans(nodes: Mapping[Any, Node], _now: datetime) -> Iterator[Condition]:
    query = select(Job.node_id, func.count()).where(Job.state == "waiting_approval").group_by(Job.node_id)
    return _counted("plan_waiting", nodes, dict(_pairs(query)))


def _jobs(nodes: Mapping[Any, Node], _now: datetime) -> Iterator[Condition]:
    """Nodes with several failed jobs in an hour, or with one that is tried again and again."""
    lately = (Job.state == "failed") & (Job.queued_at > database_now(-FAILED_SECONDS))
    stuck = Job.state.in_(("queued", "running")) & (Job.attempts >= ATTEMPTS_LEAST)
    failed = dict(_pairs(select(Job.node_id, func.count()).where(lately).group_by(Job.node_id)))
    again = dict(_pairs(select(Job.node_id, func.count()).where(stuck).group_by(Job.node_id)))
    for node_id, node in nodes.items():
        if failed.get(node_id, 0) >= FAILED_LEAST or node_id in again:
            params = {"failed": failed.get(node_id, 0), "stuck": again.get(node_id, 0)}
            yield Condition(code="jobs_failing", node=node, params=params)


def _closings(nodes: Mapping[Any, Node], now: datetime) -> Iterator[Condition]:
    for closing in list_closings():
        if now - closing.closed_at > SILENT:
            node = nodes.get(closing.node_id)
            yield Condition(code="engine_closed", node=node, params={"reason": closing.reason})


def _backups(nodes: Mapping[Any, Node], now: datetime) -> Iterator[Condition]:
    for node_id, last in ages_of_backups():
        if now - last > BACKUP and node_id in nodes:
            since = last.isoformat(timespec="seconds")
            yield Condition(code="backup_old", node=nodes[node_id], params={"since": since})


def _messages(_nodes: Mapping[Any, Node], _now: datetime) -> Iterator[Condition]:
    """Messages to people that were given up lately, and those that have been waiting to leave for an hour."""
    late = database_now(-STUCK_SECONDS)
    given_up = select(Message.id).where(Message.state == "failed", Message.created_at > database_now(-GIVEN_UP_SECONDS))
    stuck = select(Message.id).where(Message.state == "queued", ~Message.bundled, Message.created_at < late)
    unread = select(Notice.id).where(Notice.settled_at.is_(None), Notice.created_at < late)
    for code, number in (("messages_failing", _number(given_up)), ("messages_waiting", _number(stuck, unread))):
        if number:
            yield Condition(code=code, node=None, params={"number": number})


def _of_kinds(nodes: Mapping[Any, Node], _now: datetime) -> Iterator[Condition]:
    """What kinds say of their own resources."""
    for kind in wired_kinds():
        for code, alarming in kind.alarms.items():
            query = select(kind.model.node_id, func.count()).where(alarming()).group_by(kind.model.node_id)
            yield from _counted(code, nodes, dict(_pairs(query)))


def _number(*queries: Select[Any]) -> int:
    """How many rows these find, each counted no further than it matters."""
    counts = [select(func.count()).select_from(query.limit(COUNTED_MOST).subquery()) for query in queries]
    return sum(db.session.scalar(count) or 0 for count in counts)


_READERS: tuple[Reader, ...] = (
    _host_keys,
    _silent,
    _ports,
    _certificates,
    _drift,
    _plans,
    _jobs,
    _closings,
    _backups,
    _messages,
    _of_kinds,
)


def _counted(code: str, nodes: Mapping[Any, Node], counts: Mapping[Any, int]) -> Iterator[Condition]:
    for node_id, number in counts.items():
        if node_id in nodes:
            yield Condition(code=code, node=nodes[node_id], params={"number": number})


def _pairs(query: Any) -> list[tuple[Any, int]]:
    return [(row[0], row[1]) for row in db.session.execute(query)]
