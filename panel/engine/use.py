"""How much the resources of nodes hold, asked of their agents a little at a time: what is news goes to its keeper.

Each agent reads on for a moment in each ask and tells what changed since the last one, so a node on which nothing
changes is written nothing about but the ask itself.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from panel.engine.exchange import Exchange
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.nodes import Node
from provisioning.ssh import AgentTooOld, SshError

EVERY_SECONDS, AGENT_SECONDS = 30, 0.25
"""How often a node is asked, and how long it then reads on: what this costs it in a minute is twice the second."""
ROUND_EVERY_SECONDS = 600
"""How much time lies at least between the beginnings of two rounds through all of a node's resources."""
ANSWER_SECONDS, ROUND_SECONDS = 15.0, 15.0
ASKS_MOST = 20
"""How often one node is asked in a row while it has more to tell."""

Keep = Callable[[Actor, uuid.UUID, Mapping[uuid.UUID, int | None]], object]
"""Takes what a node told within the running unit of work: KiB by id, None where they are not known."""

log = logging.getLogger("cis.use")


def use_asker(exchange: Exchange, keep: Keep) -> Callable[[Actor], None]:
    """The chore that asks every node that answers, over ``exchange``'s sessions; an older agent tells nothing."""

    def ask_for_use(actor: Actor) -> None:
        require(actor, "nodes:write", staff=True)
        end = time.monotonic() + ROUND_SECONDS
        query = select(Node).where(Node.problem_code.is_(None), _is_due())
        for node in db.session.scalars(query.order_by(Node.use_asked_at.is_not(None), Node.use_asked_at)).all():
            asks = 0
            more = _claim(node)
            while more and asks < ASKS_MOST and time.monotonic() < end:
                more, asks = _ask(actor, exchange, node, keep, again=asks > 0), asks + 1

    return ask_for_use


def _ask(actor: Actor, exchange: Exchange, node: Node, keep: Keep, *, again: bool) -> bool:
    """Ask one node once; return whether it has more to tell."""
    seconds = 0.0 if again else AGENT_SECONDS
    try:
        told = exchange.ask(
            node, "use", timeout=ANSWER_SECONDS, after=node.use_mark, seconds=seconds, every=ROUND_EVERY_SECONDS
        )
        use, mark, age = read_use(told)
    except AgentTooOld:
        _note(node, use_mark=0)
        return False
    except SshError as error:
        log.info("node %s did not tell what is held: %s", node.name, type(error).__name__)
        return False
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.warning("node %s told what is no use: %s", node.name, type(error).__name__)
        return False
    with unit_of_work():
        if use:
            keep(actor, node.id, use)
        _note(node, use_mark=mark, use_whole_at=None if age is None else database_now(-age))
    return bool(told.get("more")) and bool(use)


def read_use(told: Mapping[str, Any]) -> tuple[dict[uuid.UUID, int | None], int, float | None]:
    """What an agent told, of the expected types and no more: KiB by id, its mark, and the age of its last round.

    Raises KeyError, TypeError, ValueError or AttributeError where it is something else.
    """
    use = {uuid.UUID(id_): _kib(value) for id_, value in told["use"].items()}
    mark, age = told["mark"], told["whole_seconds"]
    if type(mark) is not int or not 0 <= mark < 2**63 or not (age is None or math.isfinite(age)):
        raise ValueError("mark")
    return use, mark, None if age is None else max(float(age), 0.0)


def _kib(value: object) -> int | None:
    if type(value) is not int or value >= 2**40:
        raise ValueError("kib")
    return None if value < 0 else value


def _is_due() -> ColumnElement[bool]:
    return or_(Node.use_asked_at.is_(None), Node.use_asked_at < database_now(-EVERY_SECONDS))


def _claim(node: Node) -> bool:
    """Take it upon this worker to ask a node; False where another one did meanwhile."""
    return _change(node, _is_due(), use_asked_at=database_now())


def _note(node: Node, **values: Any) -> None:
    _change(node, **values)
    db.session.expire(node, ["use_mark"])


def _change(node: Node, *only: ColumnElement[bool], **values: Any) -> bool:
    with unit_of_work():
        change = update(Node).where(Node.id == node.id, *only).values(updated_at=Node.updated_at, **values)
        found = db.session.execute(change.returning(Node.id), execution_options={"synchronize_session": False})
        return found.scalar_one_or_none() is not None
