"""Nodes for which there is nothing to do are greeted now and then, so that one that went away is noticed."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import or_, select

from panel.engine.exchange import Exchange
from panel.engine.worker import PROBLEMS, mark_node
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db
from panel.ledger.nodes import Node
from provisioning.ssh import SshError

QUIET_SECONDS = 300


def greeter(exchange: Exchange) -> Callable[[Actor], None]:
    """The chore that greets every node not heard of for five minutes over ``exchange``'s sessions."""

    def greet_quiet_nodes(actor: Actor) -> None:
        require(actor, "nodes:write", staff=True)
        quiet = or_(
            Node.last_seen_at.is_(None),
            Node.last_seen_at < database_now(-QUIET_SECONDS),
            Node.last_seen_at > database_now(QUIET_SECONDS),
        )
        for node in db.session.scalars(select(Node).where(quiet)).all():
            _greet(exchange, node)

    return greet_quiet_nodes


def _greet(exchange: Exchange, node: Node) -> None:
    try:
        exchange.greet(node)
    except SshError as error:
        mark_node(node, PROBLEMS.get(type(error), "unreachable"), str(error))
    else:
        mark_node(node, None, None)
