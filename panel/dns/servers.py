"""The name servers of the association: which there are, which of them a zone goes to, and how its start reads."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask import current_app
from sqlalchemy import func, select

from panel.dns.models import Zone
from panel.kernel.db import db
from panel.kernel.errors import Conflict
from panel.ledger.nodes import Node
from provisioning.record_sets import Soa

PRIMARY, SECONDARY = "dns_primary", "dns_secondary"
REFRESH, RETRY, EXPIRE, MINIMUM, TTL = 3_600, 900, 1_209_600, 300, 3_600
"""RFC 1912 2.2; secondaries are told of changes, and who asked for a name in vain asks again after five minutes."""


def primaries() -> list[Node]:
    """The nodes that zones go to, those enrolled first first."""
    return _nodes(PRIMARY)


def secondaries() -> list[Node]:
    """The nodes that follow all primaries."""
    return _nodes(SECONDARY)


def name_servers() -> list[str]:
    """The names of all name servers without final dot, primaries first: what a zone's NS records say."""
    return list(dict.fromkeys(node.hostname for node in (*primaries(), *secondaries())))


def default_soa(nodes: Sequence[Node] | None = None) -> Soa:
    """The start of a zone for which nobody asked for another. Raises Conflict ``no_node``."""
    node = next(iter(primaries() if nodes is None else nodes), None)
    if node is None:
        raise Conflict("no_node", field="name", role=PRIMARY)
    return Soa(
        mname=f"{node.hostname}.",
        rname=f"hostmaster.{current_app.config['CIS'].mail_domain}.",
        refresh=REFRESH,
        retry=RETRY,
        expire=EXPIRE,
        minimum=MINIMUM,
        ttl=TTL,
    )


def place(count: int) -> list[Node]:
    """Primaries for ``count`` new zones, the least full first. Raises Conflict ``no_node``."""
    nodes = primaries()
    if not nodes:
        raise Conflict("no_node", field="name", role=PRIMARY)
    if len(nodes) == 1:
        return nodes * count
    counts = select(Zone.node_id, func.count()).where(Zone.want != "purge").group_by(Zone.node_id)
    full: dict[uuid.UUID | None, int] = {row[0]: row[1] for row in db.session.execute(counts)}
    chosen = []
    for _ in range(count):
        node = min(nodes, key=lambda one: full.get(one.id, 0))
        full[node.id] = full.get(node.id, 0) + 1
        chosen.append(node)
    return chosen


def _nodes(role: str) -> list[Node]:
    return [node for node in db.session.scalars(select(Node).order_by(Node.created_at, Node.id)) if role in node.roles]
