"""Backups and what was brought back from them, as they look outside."""

from __future__ import annotations

from typing import Any

from panel.ledger.backups import MailRestore, NodeBackup
from panel.shapes.values import identifier, moment, problem


def backup(row: NodeBackup) -> dict[str, Any]:
    """A backup of a node."""
    return {
        "id": str(row.id),
        "node_id": str(row.node_id),
        "node": row.node.name,
        "state": row.state,
        "at": moment(row.at),
        "ended_at": moment(row.ended_at),
        "bytes": row.bytes,
        "files": row.files,
        "problem": problem(row.code or None, row.message, row.ended_at),
    }


def mail_restore(row: MailRestore) -> dict[str, Any]:
    """Mail brought back: of which mailbox (null: of a whole node), from which folder into which."""
    return {
        "id": str(row.id),
        "node_id": str(row.node_id),
        "mailbox_id": identifier(row.mailbox_id),
        "name": row.name,
        "folder": row.folder,
        "into": row.into,
        "state": row.state,
        "at": moment(row.at),
        "ended_at": moment(row.ended_at),
        "messages": row.messages,
        "bytes": row.bytes,
        "problem": problem(row.code or None, row.message, row.ended_at),
    }
