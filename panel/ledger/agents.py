"""What the panel notes about the program that serves it on a node."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from panel.kernel.db import database_now, db
from panel.ledger.nodes import Node


def record_agent(node_id: uuid.UUID, hello: Mapping[str, Any], *, program: str) -> str:
    """Note the agent's program and what it said of its node, in the running unit of work; return the one of before."""
    before = db.session.scalars(select(Node.agent_version).where(Node.id == node_id)).one()
    db.session.execute(
        update(Node)
        .where(Node.id == node_id)
        .values(
            agent_version=program,
            release=str(hello.get("release", "")),
            versions={str(name): str(version) for name, version in dict(hello.get("services") or {}).items()},
            problem_code=None,
            problem_message=None,
            last_seen_at=database_now(),
        ),
        execution_options={"synchronize_session": False},
    )
    return before
