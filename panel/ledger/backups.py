"""Backups of what nodes hold, and mail brought back from them: what was asked for, and how it ended."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Select, func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.access import Actor, require
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, one_at_a_time, unit_of_work
from panel.kernel.errors import Conflict, NotFound
from panel.ledger.events import record
from panel.ledger.jobs import Job, request_job
from panel.ledger.nodes import Node, get_node

RUN, RESTORE, RESTORE_STORE = "nodes:backup:run", "nodes:backup:restore", "nodes:backup:restore-store"
"""The causes of jobs about backups."""

BACKUP_STATES = ("running", "done", "failed")
_RUNNING = "state = 'running'"


class NodeBackup(Base):
    """One backup of a node. Its id is that of the job that asked for it; ``snapshot`` is restic's, once it is done."""

    __tablename__ = "node_backups"
    __table_args__ = (
        Index("ix_node_backups_node", "node_id", "state", "at"),
        Index("ix_node_backups_running", "node_id", sqlite_where=text(_RUNNING), postgresql_where=text(_RUNNING)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nodes.id"))
    state: Mapped[str] = mapped_column(default="running")
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    snapshot: Mapped[str | None]
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    files: Mapped[int] = mapped_column(default=0)
    code: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")

    node: Mapped[Node] = relationship(lazy="joined")


class MailRestore(Base):
    """Mail of one mailbox (None: of all the node's) brought back from a snapshot. Its id is that of its job."""

    __tablename__ = "mail_restores"
    __table_args__ = (
        Index("ix_mail_restores_running", "node_id", sqlite_where=text(_RUNNING), postgresql_where=text(_RUNNING)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nodes.id"))
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"))
    mailbox_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(default="")
    snapshot: Mapped[str | None]
    folder: Mapped[str | None]
    into: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="running")
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    messages: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    code: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")


class BackupPlace(Base):
    """Where a node's backups go, as its operator set it up; a node without a row has none."""

    __tablename__ = "backup_places"

    node_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nodes.id"), primary_key=True)
    place: Mapped[str]
    since: Mapped[datetime] = mapped_column(UTCDateTime)


def record_place(actor: Actor, node_id: uuid.UUID, *, place: str) -> None:
    """Record where the node's backups go now."""
    require(actor, "nodes:write", staff=True)
    node = get_node(actor, node_id)
    with unit_of_work():
        changed = db.session.execute(
            update(BackupPlace)
            .where(BackupPlace.node_id == node_id)
            .values(place=place, since=database_now())
            .returning(BackupPlace.node_id)
        ).first()
        if changed is None:
            db.session.execute(insert(BackupPlace).values(node_id=node_id, place=place, since=database_now()))
        record(actor, "nodes:backup:set-up", kind="node", resource_id=node_id, node_id=node_id, name=node.name)


def request_backup(actor: Actor, node_id: uuid.UUID) -> Job:
    """Ask for a backup of the node, unless one is asked for already. Raises Conflict ``backup_not_set_up``."""
    require(actor, "jobs:write", staff=True)
    node = get_node(actor, node_id)
    if db.session.get(BackupPlace, node_id, populate_existing=True) is None:
        raise Conflict("backup_not_set_up", node=node.name)
    with unit_of_work() as work:
        one_at_a_time(f"backup {node_id}")
        waiting = select(Job).where(Job.node_id == node_id, Job.cause == RUN, Job.state.in_(("queued", "running")))
        return db.session.scalar(waiting.limit(1)) or request_job(work, node_id=node_id, cause=RUN, actor=actor)


def request_store_restore(actor: Actor, node_id: uuid.UUID, *, backup_id: uuid.UUID | None = None) -> Job:
    """Ask for all mail of the node from a backup, by default its newest, beneath what is there. Raises NotFound."""
    require(actor, "nodes:write", staff=True)
    node = get_node(actor, node_id)
    snapshot = None if backup_id is None else _snapshot_of(actor, node_id, backup_id)
    with unit_of_work() as work:
        job = request_job(work, node_id=node_id, cause=RESTORE_STORE, actor=actor, params={"snapshot": snapshot})
        start_restore(job, snapshot=snapshot, name=node.name)
        record(actor, "nodes:backup:restore", kind="node", resource_id=node_id, node_id=node_id, name=node.name)
    return job


def start_restore(job: Job, *, snapshot: str | None, name: str, folder: str | None = None, into: str = "") -> None:
    """Record what ``job`` shall bring back, in the running unit of work."""
    values = {"snapshot": snapshot, "name": name, "folder": folder, "into": into}
    whose = {"node_id": job.node_id, "member_id": job.member_id, "mailbox_id": job.resource_id}
    fixed = {"state": "running", "messages": 0, "bytes": 0, "code": "", "message": ""}
    db.session.execute(insert(MailRestore).values(id=job.id, at=database_now(), **values, **whose, **fixed))


def backups_query(actor: Actor, *, node_id: uuid.UUID | None = None, state: str | None = None) -> Select[NodeBackup]:
    """The backups of nodes, newest first, narrowed by what is given; for the association's staff."""
    require(actor, "nodes:read", staff=True)
    query = select(NodeBackup).order_by(NodeBackup.at.desc(), NodeBackup.id.desc())
    query = query if node_id is None else query.where(NodeBackup.node_id == node_id)
    return query if state is None else query.where(NodeBackup.state == state)


def get_backup(actor: Actor, backup_id: uuid.UUID) -> NodeBackup:
    """One backup. Raises NotFound."""
    require(actor, "nodes:read", staff=True)
    backup = db.session.get(NodeBackup, backup_id, populate_existing=True)
    if backup is None:
        raise NotFound("not_found")
    return backup


def newest_backup(node_id: uuid.UUID, *, until: datetime | None = None) -> NodeBackup | None:
    """The node's newest backup that is done, begun not after ``until``."""
    query = select(NodeBackup).where(NodeBackup.node_id == node_id, NodeBackup.state == "done")
    query = query if until is None else query.where(NodeBackup.at <= until)
    return db.session.scalar(query.order_by(NodeBackup.at.desc()).limit(1))


def ages_of_backups() -> list[tuple[uuid.UUID, datetime]]:
    """Each node with a place for backups, and when its last good one was begun: when the place was set up if never."""
    done = NodeBackup.state == "done"
    last = select(NodeBackup.node_id, func.max(NodeBackup.at).label("at")).where(done).group_by(NodeBackup.node_id)
    newest = last.subquery()
    query = select(BackupPlace.node_id, BackupPlace.since, newest.c.at).outerjoin(
        newest, newest.c.node_id == BackupPlace.node_id
    )
    return [(node_id, at or since) for node_id, since, at in db.session.execute(query)]


def end_run(row: NodeBackup | MailRestore, **facts: Any) -> None:
    """Record how a run ended, once, in the running unit of work."""
    model = type(row)
    db.session.execute(
        update(model).where(model.id == row.id, model.state == "running").values(ended_at=database_now(), **facts),
        execution_options={"synchronize_session": False},
    )


def _snapshot_of(actor: Actor, node_id: uuid.UUID, backup_id: uuid.UUID) -> str:
    backup = get_backup(actor, backup_id)
    if backup.node_id != node_id or backup.snapshot is None:
        raise NotFound("not_found")
    return backup.snapshot
