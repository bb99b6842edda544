"""Nodes for which there is nothing to do are greeted now and then, so that one that went away is noticed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from sqlalchemy import or_, select

from panel.engine.exchange import Exchange
from panel.engine.marks import mark_answered, mark_failed
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db
from panel.ledger.nodes import Node
from provisioning.ssh import SshError

QUIET_SECONDS = 300
BESIDE = 32
"""How many nodes are greeted at the same time: those that do not answer wait for their own time-outs only."""

TOLD_SECONDS = 1.0
"""How often what was learnt meanwhile is written down."""


def greeter(exchange: Exchange) -> Callable[[Actor], None]:
    """The chore that greets every node not heard of for five minutes over ``exchange``'s sessions."""

    def greet_quiet_nodes(actor: Actor) -> None:
        require(actor, "nodes:write", staff=True)
        quiet = or_(
            Node.last_seen_at.is_(None),
            Node.last_seen_at < database_now(-QUIET_SECONDS),
            Node.last_seen_at > database_now(QUIET_SECONDS),
        )
        nodes = {node: node.last_seen_at for node in db.session.scalars(select(Node).where(quiet))}
        db.session.commit()  # nothing is held in the database while nodes are waited for
        _greet_all(exchange, nodes)

    return greet_quiet_nodes


def _greet_all(exchange: Exchange, nodes: Mapping[Node, datetime | None]) -> None:
    """Greet all; ``nodes``: with when each was heard of last."""
    with ThreadPoolExecutor(max(1, min(BESIDE, len(nodes))), thread_name_prefix="greet") as pool:
        asked = {pool.submit(exchange.greet, node): node for node in nodes}
        waiting: set[Future[dict[str, object]]] = set(asked)
        while waiting:
            done, waiting = wait(waiting, timeout=TOLD_SECONDS, return_when=FIRST_COMPLETED)
            # Those that answered at the same time are written down together.
            more, waiting = wait(waiting, timeout=0.05) if waiting else (set(), waiting)
            _record({asked[one]: one.exception() for one in done | more}, nodes)


def _record(answers: dict[Node, BaseException | None], heard: Mapping[Node, datetime | None]) -> None:
    answered = [node.id for node, error in answers.items() if error is None]
    if answered:
        mark_answered(answered)
    for node, error in answers.items():
        if isinstance(error, SshError):
            mark_failed(node.id, error, heard_at=heard[node])
        elif error is not None:
            raise error
