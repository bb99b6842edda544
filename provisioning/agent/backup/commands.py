"""`cis-node backup`, and the runs that the agent starts: each a program of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from provisioning.agent.backup import state
from provisioning.agent.backup.repository import BackupFailed, load
from provisioning.agent.backup.restoring import Wish, newest_snapshot, restore_mailbox, restore_store
from provisioning.agent.backup.saving import save
from provisioning.resources import InvalidResource

_ORDER_BYTES_MAX = 16 * 1024 * 1024


def backup() -> int:
    """Make a backup now and print what was saved; return the exit code. Works without the panel."""
    try:
        done = state.told("backup", "", save)
    except BackupFailed as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1
    sys.stdout.write(json.dumps(done) + "\n")
    return 0


def run() -> int:
    """Do what stands on stdin in JSON, as the agent starts it; how it went is in the state on disk."""
    try:
        order: dict[str, Any] = json.loads(sys.stdin.buffer.read(_ORDER_BYTES_MAX))
        work = _work(order)
        state.told("backup" if order["do"] == "backup" else "restore", str(order["run"]), work)
    except (InvalidResource, ValueError, KeyError, TypeError, BackupFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _work(order: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    if order["do"] == "backup":
        return save
    if order["do"] == "mailbox":
        wish = Wish(order["mailbox_id"], order["snapshot"], order["folder"], order["into"])
        return lambda: restore_mailbox(wish)
    return lambda: restore_store(order["snapshot"] or newest_snapshot(load()), order["also"])
