"""Where a node's backups go, set up with the operator's own key: the panel learns neither password nor key."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from provisioning.agent.backup.repository import Repository
from provisioning.operator_session import (
    EnrolmentFailed,
    OperatorLogin,
    OperatorSession,
    built_program,
    operator_session,
)
from provisioning.ssh import HostKey

__all__ = ["EnrolmentFailed", "Opened", "Prepared", "Repository", "open_repository", "prepare"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a person has to compare and to place: the backup host's key as the node sees it, and the node's own."""

    public_key: str
    backup_host_key: HostKey


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """``password`` of the repository if it was made now, for the operator's safe; ``made``: the repository is new."""

    password: str | None
    made: bool


def prepare(
    address: str,
    port: int,
    host_key: HostKey,
    *,
    operator: OperatorLogin,
    repository: Repository,
    progress: Callable[[str], None],
) -> Prepared:
    """Make the node's key to the backup host and read that host's key. Raises EnrolmentFailed, SshError's kinds."""
    session = operator_session(address, port, host_key, operator)
    done = _step(session, {"step": "prepare", **_place(repository)}, progress)
    kind, _, key = str(done["host_key"]).partition(" ")
    return Prepared(str(done["public_key"]), HostKey(kind, key))


def open_repository(
    address: str,
    port: int,
    host_key: HostKey,
    *,
    operator: OperatorLogin,
    repository: Repository,
    backup_host_key: HostKey,
    password: str | None,
    progress: Callable[[str], None],
) -> Opened:
    """Make the repository or open the one that is there; no ``password``: the node's own, or a new one.

    Raises EnrolmentFailed (``repository``), SshError's kinds.
    """
    request = {
        "step": "open",
        "host_key": f"{backup_host_key.type} {backup_host_key.base64}",
        "password": password,
        **_place(repository),
    }
    done = _step(operator_session(address, port, host_key, operator), request, progress)
    return Opened(done["password"], bool(done["made"]))


def _place(repository: Repository) -> dict[str, Any]:
    names = ("user", "host", "port", "folder")
    return {"repository": {name: getattr(repository, name) for name in names}}


def _step(
    session: AbstractContextManager[OperatorSession], request: dict[str, Any], progress: Callable[[str], None]
) -> dict[str, Any]:
    with session as host, built_program() as (program, _), host.uploaded(program) as path:
        return host.run_program(path, "backup-setup", request, progress)
