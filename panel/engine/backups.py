"""Backups and restores on nodes: begun under the lease, gone on with in the background of the node, looked after here.

A backup may take an hour, and changes must not wait for it: the task only begins the run. Those that are over soon end
within the task, the others are noticed by the chore.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from flask import current_app
from sqlalchemy import func, insert, select

from panel.engine.exchange import Exchange
from panel.engine.kinds import wired_kinds
from panel.engine.tasks import TaskFailed, TaskRun
from panel.kernel.access import SYSTEM, Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.backups import BackupPlace, MailRestore, NodeBackup, end_run, request_backup
from panel.ledger.events import record
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from provisioning.ssh import AgentError, SshError

PATIENCE_SECONDS = 5.0
KEPT_MOST = 100_000
_PAUSE_SECONDS = 0.2
LOST_AFTER = timedelta(minutes=10)
"""A run that its node does not know of is given up after this: the node may just be starting it."""

Row = NodeBackup | MailRestore
T = TypeVar("T", NodeBackup, MailRestore)


def run_backup(run: TaskRun) -> None:
    """The task: begin a backup. Raises TaskFailed ``backup_not_set_up``, ``backup_running``, or as it ended."""
    job = run.job
    if db.session.get(NodeBackup, job.id) is None:
        fixed = {"state": "running", "bytes": 0, "files": 0, "code": "", "message": ""}
        with unit_of_work():
            db.session.execute(insert(NodeBackup).values(id=job.id, node_id=run.node.id, at=database_now(), **fixed))
    _begin(run, _row(NodeBackup, job.id), "backup", {})


def run_mail_restore(run: TaskRun) -> None:
    """The task: begin to bring mail of one mailbox back. Raises TaskFailed as ``run_backup``."""
    names = ("mailbox_id", "snapshot", "folder", "into")
    fields = {name: run.job.params.get(name) for name in names}
    _begin(run, _row(MailRestore, run.job.id), "restore_mail", fields)


def run_store_restore(run: TaskRun) -> None:
    """The task: begin to bring a whole node's mail back. Raises TaskFailed as ``run_backup``."""
    fields = {"snapshot": run.job.params.get("snapshot"), "also": _kept_ids(run.node.id)}
    _begin(run, _row(MailRestore, run.job.id), "restore_store", fields)


def backup_keeper(exchange: Exchange) -> Callable[[Actor], None]:
    """The chore: ask nodes how their runs went, and for the night's backups where their time has come."""

    def keep_backups(actor: Actor) -> None:
        require(actor, "jobs:write", staff=True)
        rows: list[Row] = [*_running(NodeBackup), *_running(MailRestore)]
        for row in rows:
            _look_after(exchange, row)
        for node_id in _due_nodes():
            request_backup(actor, node_id)

    return keep_backups


def _kept_ids(node_id: uuid.UUID) -> list[str]:
    """What was removed and may yet be restored: a host built anew does not know of it, but its mail comes back too."""
    models = [kind.model for kind in wired_kinds()]
    kept = [select(model.id).where(model.node_id == node_id, model.want == "remove") for model in models]
    return [str(id_) for query in kept for id_ in db.session.scalars(query.limit(KEPT_MOST))][:KEPT_MOST]


def _begin(run: TaskRun, row: Row, op: str, fields: Mapping[str, Any]) -> None:
    reply = run.exchange.ask(run.node, op, fence=run.lease.fence, run=str(row.id), **fields)
    if not reply.get("started"):
        code = f"backup_{reply.get('code') or 'failed'}"
        _end(row, {"state": "failed", "code": code, "message": str(reply.get("message", ""))})
        raise TaskFailed(code)
    run.report.say("run begun on the node")
    told = _wait(run.exchange, run.node, row)
    if told is None:
        run.report.say("goes on in the background")
        return
    _end(row, told)
    if told["state"] == "failed":
        raise TaskFailed(told["code"], message=told["message"])
    run.report.say("run ended", **{name: value for name, value in told.items() if name in ("messages", "files")})


def _wait(exchange: Exchange, node: Node, row: Row) -> dict[str, Any] | None:
    """How the run ended, None where it still goes on after a few seconds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        told = _ask(exchange, node, row)
        if told is not None:
            return told
        time.sleep(_PAUSE_SECONDS)
    return None


def _ask(exchange: Exchange, node: Node, row: Row) -> dict[str, Any] | None:
    """How the run ended by the node's word, None while it goes on or nothing is known of it."""
    status = exchange.ask(node, "backup_status")["backup" if isinstance(row, NodeBackup) else "restore"]
    if status.get("run") != str(row.id) or status.get("state") not in ("done", "failed"):
        return None
    if status["state"] == "failed":
        return {"state": "failed", "code": f"backup_{status.get('code')}", "message": str(status.get("message", ""))}
    if isinstance(row, NodeBackup):
        sizes = {name: int(status.get(name) or 0) for name in ("bytes", "files")}
        return {"state": "done", "snapshot": str(status["snapshot"]), "message": str(status["message"]), **sizes}
    return {"state": "done", **{name: int(status.get(name) or 0) for name in ("bytes", "messages")}}


def _look_after(exchange: Exchange, row: Row) -> None:
    node = db.session.get(Node, row.node_id, populate_existing=True)
    if node is None or _is_open(row.id):
        return
    try:
        told = _ask(exchange, node, row)
    except (SshError, AgentError):
        return
    if told is None and _is_lost(exchange, node, row):
        told = {"state": "failed", "code": "backup_lost", "message": ""}
    if told is not None:
        _end(row, told)


def _is_open(job_id: uuid.UUID) -> bool:
    """Whether the run's own job has still to begin it."""
    query = select(Job.id).where(Job.id == job_id, Job.state.in_(("queued", "running")))
    return db.session.scalar(query) is not None


def _is_lost(exchange: Exchange, node: Node, row: Row) -> bool:
    """Whether the node knows nothing of a run that began a while ago: it was built anew, or another run followed."""
    model = type(row)
    old = select(model.id).where(model.id == row.id, model.at < database_now(-LOST_AFTER.total_seconds()))
    if db.session.scalar(old) is None:
        return False
    try:
        status = exchange.ask(node, "backup_status")["backup" if isinstance(row, NodeBackup) else "restore"]
    except (SshError, AgentError):
        return False
    return bool(status.get("run") != str(row.id))


def _end(row: Row, told: Mapping[str, Any]) -> None:
    backup = isinstance(row, NodeBackup)
    kind, resource_id = ("node", row.node_id)
    if isinstance(row, MailRestore) and row.mailbox_id is not None:
        kind, resource_id = "mailbox", row.mailbox_id
    facts = {name: told[name] for name in ("code", "message", "files", "messages", "bytes") if told.get(name)}
    ended = "done" if told["state"] == "done" else "fail"
    with unit_of_work():
        end_run(row, **told)
        record(
            SYSTEM,
            f"nodes:{'backup' if backup else 'mail-restore'}:{ended}",
            kind=kind,
            resource_id=resource_id,
            node_id=row.node_id,
            member_id=None if isinstance(row, NodeBackup) else row.member_id,
            job_id=row.id,
            name=row.node.name if isinstance(row, NodeBackup) else row.name,
            **facts,
        )


def _row(model: type[T], run: uuid.UUID) -> T:
    row = db.session.get(model, run, populate_existing=True)
    if row is None:
        raise TaskFailed("backup_lost")
    return row


def _running(model: type[T]) -> list[T]:
    return list(db.session.scalars(select(model).where(model.state == "running").order_by(model.id)))


def _due_nodes() -> list[uuid.UUID]:
    """Nodes with a place for backups whose last one, good or bad, was begun before this night's time.

    The time is the same hour for all, each node some minutes later by its own number, so that they do not all begin at
    once. By the database's clock.
    """
    now = db.session.scalars(select(database_now())).one()
    last = select(NodeBackup.node_id, func.max(NodeBackup.at).label("at")).group_by(NodeBackup.node_id).subquery()
    query = select(BackupPlace.node_id, last.c.at).outerjoin(last, last.c.node_id == BackupPlace.node_id)
    hour: int = current_app.config["CIS"].backup_hour
    due = []
    for node_id, at in db.session.execute(query):
        begins = now.replace(hour=hour, minute=node_id.int % 60, second=0, microsecond=0)
        begins = begins if begins <= now else begins - timedelta(days=1)
        if at is None or at < begins:
            due.append(node_id)
    return due
