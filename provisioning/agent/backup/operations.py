"""The panel's requests about backups. What takes long runs in a program of its own; the reply does not wait for it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from provisioning.agent.backup import state
from provisioning.agent.backup.repository import BackupFailed, load
from provisioning.agent.backup.restoring import Wish
from provisioning.agent.backup.snapshots import SNAPSHOT, list_snapshots
from provisioning.agent.batch import BadRequest, read_fence
from provisioning.agent.oplog import OperationLog
from provisioning.agent.store import Store
from provisioning.resources import InvalidResource, check_id

ALSO_MAX = 100_000
_RUN = re.compile(r"[A-Za-z0-9-]{8,64}")
Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


class Backups:
    """Answers with what is known on the node; starts a run once, however often it is asked for."""

    def __init__(self, store: Store, log: OperationLog) -> None:
        self._store = store
        self._log = log

    def operations(self) -> dict[str, Operation]:
        """Name the requests answered here."""
        return {
            "backup": self._backup,
            "backup_status": self._status,
            "snapshots": self._snapshots,
            "restore_mail": self._restore_mail,
            "restore_store": self._restore_store,
        }

    def _backup(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._raise_fence(request)
        return self._start_once({"do": "backup", "run": _run_of(request)})

    def _status(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "set_up": _set_up(),
            "running": state.is_running(),
            "backup": state.read("backup"),
            "restore": state.read("restore"),
        }

    def _snapshots(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return {"snapshots": list_snapshots(load(), hostname=socket.gethostname()), "code": "", "message": ""}
        except BackupFailed as error:
            return {"snapshots": [], "code": error.code, "message": str(error)}

    def _restore_mail(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._raise_fence(request)
        fields = {name: request.get(name) for name in ("mailbox_id", "snapshot", "folder", "into")}
        try:
            Wish(**fields)  # type: ignore[arg-type]  # it checks its own fields
        except (InvalidResource, ValueError, TypeError) as error:
            raise BadRequest(str(error)) from error
        return self._start_once({"do": "mailbox", "run": _run_of(request), **fields})

    def _restore_store(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._raise_fence(request)
        snapshot = request.get("snapshot")
        if snapshot is not None and not (isinstance(snapshot, str) and SNAPSHOT.fullmatch(snapshot)):
            raise BadRequest("snapshot")
        also = request.get("also", [])
        if not isinstance(also, list) or len(also) > ALSO_MAX or not all(map(_is_id, also)):
            raise BadRequest("also")
        return self._start_once({"do": "store", "run": _run_of(request), "snapshot": snapshot, "also": also})

    def _start_once(self, order: dict[str, Any]) -> dict[str, Any]:
        """A run that was asked for before is not begun again: its mail would come twice."""
        if not _set_up():
            return _not_set_up()
        kind: state.Kind = "backup" if order["do"] == "backup" else "restore"
        if state.read(kind).get("run") == order["run"]:
            return {"started": True, "code": "", "message": ""}
        if state.is_running():
            return {"started": False, "code": "running", "message": "another run is at it"}
        state.write(kind, state="starting", run=order["run"], began_at=state.now())
        _start(order)
        told = {name: value for name, value in order.items() if name not in ("do", "also")}
        self._log.write(f"run_{order['do']}", **told)
        return {"started": True, "code": "", "message": ""}

    def _raise_fence(self, request: Mapping[str, Any]) -> None:
        with self._store.write() as tx:
            tx.raise_fence(read_fence(request))


def _start(order: dict[str, Any]) -> None:
    with tempfile.TemporaryFile() as given:
        given.write(json.dumps(order).encode())
        given.seek(0)
        # In a session of its own: it outlives this one, and a new agent.
        subprocess.Popen(
            ["/usr/bin/python3", "-I", "-S", sys.argv[0], "run"],
            stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
        )  # fmt: skip


def _is_id(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(check_id(text))
    except InvalidResource:
        return False


def _set_up() -> bool:
    try:
        load()
    except BackupFailed:
        return False
    return True


def _not_set_up() -> dict[str, Any]:
    return {"started": False, "code": "not_set_up", "message": "no backup is set up on this node"}


def _run_of(request: Mapping[str, Any]) -> str:
    run = request.get("run")
    if not isinstance(run, str) or not _RUN.fullmatch(run):
        raise BadRequest("run")
    return run
