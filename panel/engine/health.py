"""How nodes are: load, memory, disks, queue and certificate, asked of their agents every few minutes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from sqlalchemy import or_, select, update

from panel.engine.exchange import Exchange
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.nodes import Node
from provisioning.ssh import SshError

EVERY_SECONDS = 180
ANSWER_SECONDS, ROUND_SECONDS = 10.0, 20.0
"""How long one agent may take, and all of one round: who waits longer is asked in the next."""

_DISKS_MOST = 20

log = logging.getLogger("cis.health")


def health_asker(exchange: Exchange) -> Callable[[Actor], None]:
    """The chore that asks every node that answers how it is, over ``exchange``'s sessions."""

    def ask_for_health(actor: Actor) -> None:
        require(actor, "nodes:write", staff=True)
        end = time.monotonic() + ROUND_SECONDS
        due = or_(Node.health_at.is_(None), Node.health_at < database_now(-EVERY_SECONDS))
        query = (
            select(Node).where(Node.problem_code.is_(None), due).order_by(Node.health_at.is_not(None), Node.health_at)
        )
        for node in db.session.scalars(query).all():
            if time.monotonic() < end:
                _ask(exchange, node)

    return ask_for_health


def certificate_expires_at(node: Node) -> datetime | None:
    """When the certificate of the node's ports ends: as its agent told, else as it was at enrolment."""
    told = (node.health or {}).get("certificate_expires_at")
    if told:
        return datetime.fromisoformat(told).astimezone(UTC)
    if not node.certificate:
        return None
    return x509.load_pem_x509_certificate(node.certificate.encode()).not_valid_after_utc


def read_health(told: Mapping[str, Any]) -> dict[str, Any]:
    """What an agent told, of the expected types and no more: it comes from the node, and pages compute with it.

    Raises KeyError, TypeError, ValueError or IndexError where it is something else.
    """
    disks = {str(disk["path"])[:200]: disk for disk in told["disks"][:_DISKS_MOST]}
    ends = told.get("certificate_expires_at")
    return {
        "load": [float(told["load"][place]) for place in range(3)],
        "cpus": int(told["cpus"]),
        "memory": {name: int(told["memory"][name]) for name in ("total", "available")},
        "disks": [
            {"path": path, "total": int(disk["total"]), "free": int(disk["free"])} for path, disk in disks.items()
        ],
        "queue": {name: int((told.get("queue") or {}).get(name, 0)) for name in ("active", "deferred")},
        "certificate_expires_at": ends and datetime.fromisoformat(ends).astimezone(UTC).isoformat(),
        "uptime_seconds": int(told["uptime_seconds"]),
    }


def _ask(exchange: Exchange, node: Node) -> None:
    """Ask one node. Whether it can be reached at all is for others to record: they greet it, and work on it."""
    try:
        told: dict[str, Any] = exchange.ask(node, "health", timeout=ANSWER_SECONDS)
    except SshError as error:
        log.info("node %s did not tell how it is: %s", node.name, type(error).__name__)
        return
    try:
        health = read_health(told)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        log.warning("node %s told what is no health: %s", node.name, type(error).__name__)
        return
    with unit_of_work():
        db.session.execute(
            update(Node)
            .where(Node.id == node.id)
            .values(health=health, health_at=database_now(), updated_at=Node.updated_at),
            execution_options={"synchronize_session": False},
        )
