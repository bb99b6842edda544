"""What nodes' own records say of how they answer."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, or_, update

from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.nodes import Node
from provisioning.ssh import (
    AgentTooNew,
    AgentTooOld,
    HostKeyChanged,
    OutcomeUnknown,
    Refused,
    SshError,
    Unreachable,
)

PROBLEMS: dict[type[Exception], str] = {
    AgentTooOld: "agent_too_old",
    AgentTooNew: "agent_too_new",
    HostKeyChanged: "host_key_changed",
    Refused: "key_refused",
    Unreachable: "unreachable",
    OutcomeUnknown: "outcome_unknown",
}
PORTS_SILENT = "ports_silent"
"""The agent answers, but what the node serves does not: told by looks, not by the agent's answers."""

_AT_ONCE = 500


def problem_of(error: SshError) -> str:
    """The code by which a node shows what kept it from being spoken with."""
    return PROBLEMS.get(type(error), "unreachable")


def mark_failed(node_id: uuid.UUID, error: SshError, *, heard_at: datetime | None) -> None:
    """Record what kept the node's agent from answering an attempt.

    ``heard_at``: its ``last_seen_at`` when the attempt began. Where it answered somebody else since, an attempt that
    waited for its time-out in vain says nothing any more.
    """
    which = Node.id == node_id
    if isinstance(error, Unreachable | OutcomeUnknown):
        which &= Node.last_seen_at.is_not_distinct_from(heard_at)
    with unit_of_work():
        _update(which, problem_code=problem_of(error), problem_message=str(error))


def mark_answered(node_ids: Collection[uuid.UUID]) -> None:
    """Record that the agents of these nodes answered just now; what looks found wrong stays."""
    ids = sorted(node_ids)
    with unit_of_work():
        for start in range(0, len(ids), _AT_ONCE):
            _update(
                Node.id.in_(ids[start : start + _AT_ONCE]),
                last_seen_at=database_now(),
                problem_code=case((Node.problem_code == PORTS_SILENT, PORTS_SILENT)),
                problem_message=case((Node.problem_code == PORTS_SILENT, Node.problem_message)),
            )


def mark_ports(node: Node, message: str | None) -> None:
    """Record that the node's ports are silent, in the words of what was tried, or (None) that they answer again."""
    with unit_of_work():
        if message is None:
            _update((Node.id == node.id) & (Node.problem_code == PORTS_SILENT), problem_code=None, problem_message=None)
        else:
            free = or_(Node.problem_code.is_(None), Node.problem_code == PORTS_SILENT)
            _update((Node.id == node.id) & free, problem_code=PORTS_SILENT, problem_message=message)


def _update(which: ColumnElement[bool], **values: Any) -> None:
    db.session.execute(update(Node).where(which).values(**values), execution_options={"synchronize_session": False})
