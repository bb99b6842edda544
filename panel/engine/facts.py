"""What nodes tell of their resources beside having them, asked of their agents in portions; its keepers judge it."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from panel.engine.exchange import Exchange
from panel.kernel.access import Actor, require
from panel.kernel.db import db
from panel.ledger.nodes import Node
from provisioning.ssh import AgentTooOld, SshError

ANSWER_SECONDS, ROUND_SECONDS = 30.0, 20.0

Names = Sequence[str] | Mapping[str, Any]
"""Names to ask about; where each is asked about otherwise (since when), that too."""
Due = Callable[[uuid.UUID], Names]
"""The names that a node is to be asked about now, at most as many as one request takes."""
Keep = Callable[[Actor, uuid.UUID, Sequence[str], Mapping[str, Any]], object]
"""Takes what a node told of the names it was asked about, in a unit of work of its own."""

log = logging.getLogger("cis.facts")


def facts_asker(exchange: Exchange, *, role: str, op: str, due: Due, keep: Keep) -> Callable[[Actor], None]:
    """The chore that asks every node with ``role`` that answers, over ``exchange``'s sessions."""

    def ask_for_facts(actor: Actor) -> None:
        require(actor, "nodes:write", staff=True)
        end = time.monotonic() + ROUND_SECONDS
        for node in db.session.scalars(select(Node).where(Node.problem_code.is_(None)).order_by(Node.id)).all():
            names = due(node.id) if role in node.roles else ()
            if names and time.monotonic() < end:
                _ask(exchange, node, op, names, partial(keep, actor, node.id, list(names)))

    return ask_for_facts


def _ask(exchange: Exchange, node: Node, op: str, names: Names, keep: Callable[[Mapping[str, Any]], object]) -> None:
    try:
        told = dict(names) if isinstance(names, Mapping) else list(names)
        keep(exchange.ask(node, op, timeout=ANSWER_SECONDS, names=told))
    except AgentTooOld:
        log.info("agent of node %s is too old to be asked for %s", node.name, op)
    except SshError as error:
        log.info("node %s did not answer %s: %s", node.name, op, type(error).__name__)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.warning("node %s answered %s with what is no use: %s", node.name, op, type(error).__name__)
