"""Nodes, jobs and events as they look outside."""

from __future__ import annotations

from typing import Any

from panel.kernel.db import utcnow
from panel.ledger.alarms import Alarm
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.ledger.messages import Message
from panel.ledger.nodes import Node
from panel.shapes.values import events_of, identifier, moment, problem


def node(row: Node) -> dict[str, Any]:
    """A node; ``lease`` is null while nobody acts on it, ``drift`` until it was compared."""
    held = row.lease_owner is not None and row.lease_expires_at is not None and row.lease_expires_at > utcnow()
    lease = {"owner": row.lease_owner, "expires_at": moment(row.lease_expires_at), "fence": row.fence} if held else None
    return {
        "id": str(row.id),
        "name": row.name,
        "roles": list(row.roles),
        "address": row.address,
        "ssh_port": row.ssh_port,
        "hostname": row.hostname,
        "host_key_fingerprint": row.host_key_fingerprint,
        "agent_version": row.agent_version,
        "release": row.release,
        "versions": dict(row.versions),
        "last_seen_at": moment(row.last_seen_at),
        "lease": lease,
        "drift": _drift(row),
        "problem": problem(row.problem_code, row.problem_message, None),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "links": events_of("node", row.id),
    }


def _drift(row: Node) -> dict[str, Any] | None:
    if row.drift_checked_at is None:
        return None
    return {"checked_at": moment(row.drift_checked_at), "differing": row.drift_differing}


def job(row: Job) -> dict[str, Any]:
    """A job with what it did to how many resources, and its log."""
    return {
        "id": str(row.id),
        "node_id": str(row.node_id),
        "member_id": identifier(row.member_id),
        "cause": row.cause,
        "actor": row.actor,
        "resource": None
        if row.resource_kind is None
        else {"kind": row.resource_kind, "id": identifier(row.resource_id)},
        "state": row.state,
        "attempts": row.attempts,
        "queued_at": moment(row.queued_at),
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
        "counts": {name: row.counts.get(name, 0) for name in ("applied", "unchanged", "refused", "failed", "unknown")},
        "log": list(row.log),
    }


def alarm(row: Alarm) -> dict[str, Any]:
    """An alarm; ``cleared_at`` is null while it is open, ``told_at`` until a message about it left."""
    return {
        "id": str(row.id),
        "code": row.code,
        "node_id": identifier(row.node_id),
        "params": dict(row.params),
        "raised_at": moment(row.raised_at),
        "told_at": moment(row.told_at),
        "cleared_at": moment(row.cleared_at),
    }


def message(row: Message) -> dict[str, Any]:
    """A message to a person, without what it said."""
    return {
        "id": str(row.id),
        "code": row.code,
        "user_id": identifier(row.user_id),
        "state": row.state,
        "bundled": row.bundled,
        "attempts": row.attempts,
        "created_at": moment(row.created_at),
        "retry_at": moment(row.retry_at),
        "sent_at": moment(row.sent_at),
        "problem": row.problem,
    }


def event(row: Event) -> dict[str, Any]:
    """One line of a timeline; names are empty once their retention is over."""
    detail = row.detail
    thing = {
        "kind": row.resource_kind,
        "id": identifier(row.resource_id),
        "name": detail.resource_name if detail else "",
    }
    return {
        "id": str(row.id),
        "at": moment(row.at),
        "tag": row.tag,
        "actor": row.actor,
        "actor_name": detail.actor_name if detail else "",
        "on_behalf_of": row.on_behalf_of,
        "member_id": identifier(row.member_id),
        "node_id": identifier(row.node_id),
        "job_id": identifier(row.job_id),
        "resource": None if row.resource_kind is None else thing,
        "data": dict(detail.data) if detail else {},
    }
