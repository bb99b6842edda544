"""How a node is, in one word: what lists, pages and needs all say of it."""

from __future__ import annotations

from datetime import timedelta

from panel.kernel.db import utcnow
from panel.ledger.nodes import Node

LATE = timedelta(minutes=10)
"""A node not heard of for so long is shown as such; idle ones are greeted every five minutes."""


def node_state(node: Node) -> str:
    """How a node is: *problem*, *never* seen, *late*, or *seen*."""
    if node.problem_code:
        return "problem"
    if node.last_seen_at is None:
        return "never"
    return "late" if utcnow() - node.last_seen_at > LATE else "seen"
