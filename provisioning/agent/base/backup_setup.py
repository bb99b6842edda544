"""Where a node's backups go, as the operator says: the node's own key to the backup host, the repository, its password.

In two steps, since a person has to let the node's key in on the backup host and to compare that host's key: *prepare*
makes and tells both keys, *open* makes the repository or opens the one that is there.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from typing import Any

from provisioning.agent.backup.repository import HOME, KEY, KNOWN_HOSTS, PASSWORD, PLACE, BackupFailed, Repository
from provisioning.agent.base.commands import attempt, run
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.packages import ensure_named
from provisioning.agent.base.placing import make_folder, place
from provisioning.agent.base.program import PROGRAM

_PACKAGES = ("restic", "openssh-client")
_HOST_KEY = re.compile(r"(?:ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/]{40,2000}={0,2}")
_PASSWORD = re.compile(r"[\x21-\x7e]{16,200}")
_OPEN_SECONDS = 120.0


def backup_setup(body: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Do one step; *prepare* returns ``{public_key, host_key}``, *open* ``{password, made}``.

    ``password`` is told once, when it was made here; a person keeps it where the node's death does not reach.
    Raises SetupFailed ``request``, ``no_node``, ``backup_host``, ``repository``.
    """
    if not PROGRAM.exists():
        raise SetupFailed("no_node", "this host was never enrolled: cis nodes enroll")
    repository = _read_repository(body)
    if body.get("step") == "prepare":
        return _prepare(repository, say)
    if body.get("step") == "open":
        return _open(repository, _matching(_HOST_KEY, body, "host_key"), _given_password(body), say)
    raise SetupFailed("request", "step")


def _prepare(repository: Repository, say: Callable[[str], None]) -> dict[str, Any]:
    ensure_named(_PACKAGES, say)
    make_folder(HOME, 0o700)
    if not KEY.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "cis-backup", "-f", str(KEY)])
    code, words = attempt(["ssh-keyscan", "-T", "10", "-p", str(repository.port), "-t", "ed25519", repository.host])
    found = re.search(r"(ssh-ed25519 [A-Za-z0-9+/=]+)", words)
    if code != 0 or found is None:
        raise SetupFailed("backup_host", f"{repository.host} shows this node no SSH key: {words[-300:].strip()}")
    return {"public_key": KEY.with_suffix(".pub").read_text().strip(), "host_key": found[1]}


def _open(repository: Repository, host_key: str, password: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    make_folder(HOME, 0o700)
    name = repository.host if repository.port == 22 else f"[{repository.host}]:{repository.port}"  # SSH
    place(KNOWN_HOSTS, f"{name} {host_key}\n".encode(), 0o600)
    made = None
    if password is not None or not PASSWORD.exists():
        made = None if password is not None else secrets.token_urlsafe(32)
        place(PASSWORD, f"{password or made}\n".encode(), 0o600)
    is_new = _make_or_open(repository)
    place(PLACE, f"{repository.to_json()}\n".encode(), 0o600)
    say("The repository is made" if is_new else "The repository is there and opens with this password")
    return {"password": made, "made": is_new}


def _make_or_open(repository: Repository) -> bool:
    """Open the repository, or make it where there is none; return whether it was made."""
    try:
        repository.run("cat", "config", timeout=_OPEN_SECONDS)
    except BackupFailed as error:
        if error.code == "password":
            raise SetupFailed("repository", "a repository is there and opens with another password") from error
    else:
        return False
    try:
        repository.run("init", timeout=_OPEN_SECONDS)
    except BackupFailed as error:
        raise SetupFailed("repository", str(error)) from error
    return True


def _read_repository(body: dict[str, Any]) -> Repository:
    try:
        return Repository(**json.loads(json.dumps(body["repository"])))
    except (KeyError, TypeError, ValueError) as error:
        raise SetupFailed("request", f"repository: {error}") from error


def _given_password(body: dict[str, Any]) -> str | None:
    return None if body.get("password") is None else _matching(_PASSWORD, body, "password")


def _matching(pattern: re.Pattern[str], body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise SetupFailed("request", f"{field}: syntax")
    return value
