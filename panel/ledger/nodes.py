"""Nodes: hosts reached over SSH, and the lease by which one worker at a time acts on each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, func, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.access import Actor, require
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, one_at_a_time, unit_of_work, utcnow
from panel.kernel.errors import Conflict, NotFound


class Node(Base):
    """A host with roles. ``host_key`` (``type base64``) is pinned; ``certificate`` (PEM) is what its ports show.

    ``use_mark``: up to where it told how much its resources hold (``provisioning.wire``); none of that is older than
    ``use_whole_at``.
    """

    __tablename__ = "nodes"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str]
    ssh_port: Mapped[int] = mapped_column(default=22)
    hostname: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    host_key: Mapped[str]
    host_key_fingerprint: Mapped[str]
    certificate: Mapped[str] = mapped_column(default="")
    agent_version: Mapped[str] = mapped_column(default="")
    release: Mapped[str] = mapped_column(default="")
    versions: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    problem_code: Mapped[str | None]
    problem_message: Mapped[str | None]
    last_seen_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    lease_seconds: Mapped[int | None]
    batch_on_way: Mapped[uuid.UUID | None]
    looks_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    fence: Mapped[int] = mapped_column(default=0)
    drift_checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    drift_differing: Mapped[int] = mapped_column(default=0)
    health: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    health_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    use_mark: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    use_asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    use_whole_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, onupdate=utcnow)

    @property
    def lets_pretend(self) -> bool:
        """Whether holders may send in anybody's name: it was set up before nodes checked that."""
        return "mail" in self.roles and "sender-check" not in self.versions


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to act on a node until it expires. ``fence`` goes with every batch; the agent refuses an older one."""

    node_id: uuid.UUID
    owner: str
    fence: int


class LeaseLost(Exception):
    """Another worker holds the node now; whatever was not recorded is the other's to do."""


def take_lease(node_id: uuid.UUID, *, owner: str, seconds: int) -> Lease | None:
    """Take the node's lease if nobody holds it, by the database's clock; None when somebody does.

    One that would last longer than it was taken for is over too: the clock was turned back since.
    """
    with unit_of_work():
        taken = db.session.execute(
            update(Node)
            .where(Node.id == node_id, lease_is_over())
            .values(
                lease_owner=owner,
                lease_expires_at=database_now(seconds),
                lease_seconds=seconds,
                fence=Node.fence + 1,
                updated_at=Node.updated_at,
            )
            .returning(Node.fence),
            execution_options={"synchronize_session": False},
        ).scalar_one_or_none()
    return None if taken is None else Lease(node_id=node_id, owner=owner, fence=taken)


def lease_is_over() -> ColumnElement[bool]:
    """SQL: nobody holds the node, or whoever did let the time go by."""
    return or_(
        Node.lease_owner.is_(None),
        Node.lease_expires_at < database_now(),
        Node.lease_expires_at > database_now(Node.lease_seconds + 1),
    )


def renew_lease(lease: Lease, *, seconds: int) -> bool:
    """Hold the lease for ``seconds`` more; False when it was lost meanwhile."""
    return _change_lease(lease, lease_expires_at=database_now(seconds), lease_seconds=seconds)


def note_batch(lease: Lease, batch: uuid.UUID | None, *, seconds: int) -> None:
    """Note, within the running unit of work, which batch is on its way to the node, None when its outcome is recorded.

    The lease is renewed with it. Raises LeaseLost, which undoes the whole unit of work.
    """
    if not _change_lease(lease, lease_expires_at=database_now(seconds), lease_seconds=seconds, batch_on_way=batch):
        raise LeaseLost


def require_lease(lease: Lease, *, seconds: int) -> None:
    """Go on with the running unit of work only if the lease is held still; it is renewed. Raises LeaseLost."""
    if not renew_lease(lease, seconds=seconds):
        raise LeaseLost


def release_lease(lease: Lease) -> None:
    """Give the lease back."""
    _change_lease(lease, lease_owner=None, lease_expires_at=None)


def _change_lease(lease: Lease, **values: Any) -> bool:
    with unit_of_work():
        changed = db.session.execute(
            update(Node)
            .where(Node.id == lease.node_id, Node.lease_owner == lease.owner, Node.fence == lease.fence)
            .values(updated_at=Node.updated_at, **values)
            .returning(Node.id),
            execution_options={"synchronize_session": False},
        ).scalar_one_or_none()
    return changed is not None


def node_for_role(role: str) -> Node | None:
    """The node new resources of ``role`` go to: the one enrolled first, None while there is none."""
    nodes = db.session.scalars(select(Node).order_by(Node.created_at))
    return next((node for node in nodes if role in node.roles), None)


def get_node(actor: Actor, node_id: uuid.UUID) -> Node:
    """One node. Raises NotFound, NotAllowed."""
    require(actor, "nodes:read", staff=True)
    node = db.session.get(Node, node_id, populate_existing=True)
    if node is None:
        raise NotFound("not_found")
    return node


def list_nodes(actor: Actor) -> list[Node]:
    """All nodes by name."""
    require(actor, "nodes:read", staff=True)
    return list(db.session.scalars(select(Node).order_by(func.lower(Node.name))))


def record_enrolment(
    actor: Actor,
    *,
    name: str,
    address: str,
    ssh_port: int,
    hostname: str,
    roles: list[str],
    host_key: str,
    fingerprint: str,
    certificate: str,
    agent_version: str,
    release: str,
    versions: dict[str, str],
    fence: int = 0,
) -> Node:
    """Record what enrolment found; an already known name is renewed, unless its host key is another one.

    ``fence`` is the highest the node has met: a database younger than the node must not count from nought again.
    Raises Conflict ``host_key_changed``: a changed key is never pinned silently; remove the node first.
    """
    require(actor, "nodes:write", staff=True)
    with unit_of_work():
        one_at_a_time("nodes")
        query = select(Node).where(Node.name == name).with_for_update(key_share=True)
        node = db.session.scalar(query.execution_options(populate_existing=True))
        if node is not None and node.host_key != host_key:
            raise Conflict("host_key_changed", field="address", node=name)
        node = node or Node(name=name)
        node.address, node.ssh_port, node.hostname, node.roles = address, ssh_port, hostname, roles
        node.host_key, node.host_key_fingerprint, node.certificate = host_key, fingerprint, certificate
        node.agent_version, node.release, node.versions = agent_version, release, versions
        node.fence = max(node.fence or 0, fence)
        node.problem_code = node.problem_message = None
        node.last_seen_at = utcnow()
        db.session.add(node)
    return node
