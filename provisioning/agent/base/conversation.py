"""Talk with the operator's side: one JSON request on stdin, JSON lines on stdout, the last of which is the end.

``{"say": text}`` any number of times, then ``{"done": {…}}`` or ``{"failed": code, "message": text}``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from provisioning.agent.base.backup_setup import backup_setup
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.request import read_request
from provisioning.agent.base.roles import tell_name_servers
from provisioning.agent.base.setup import setup
from provisioning.agent.base.upgrade import downgrade, upgrade

_REQUEST_BYTES_MAX = 65_536


Command = Callable[[dict[str, Any], Callable[[str], None]], dict[str, Any]]


def main() -> int:
    """Run the `setup` command of the agent's program; return the exit code."""
    return _converse(lambda body, tell: setup(read_request(body), tell))


def upgrade_main() -> int:
    """Run the `upgrade` command; return the exit code."""
    return _converse(upgrade)


def downgrade_main() -> int:
    """Run the `downgrade` command; return the exit code."""
    return _converse(downgrade)


def backup_setup_main() -> int:
    """Run the `backup-setup` command; return the exit code."""
    return _converse(backup_setup)


def name_servers_main() -> int:
    """Run the `name-servers` command; return the exit code."""
    return _converse(tell_name_servers)


def _converse(command: Command) -> int:
    try:
        _require_root()
        done = command(_read_json(), say)
    except SetupFailed as error:
        _write({"failed": error.code, "message": str(error)})
        return 1
    _write({"done": done})
    return 0


def say(text: str) -> None:
    """Tell the operator how far the set-up is."""
    _write({"say": text})


def _require_root() -> None:
    if os.geteuid() != 0:
        raise SetupFailed("not_root", "set-up needs root")


def _read_json() -> dict[str, Any]:
    try:
        body = json.loads(sys.stdin.buffer.read(_REQUEST_BYTES_MAX))
    except ValueError as error:
        raise SetupFailed("request", "no JSON on stdin") from error
    if not isinstance(body, dict):
        raise SetupFailed("request", "no object on stdin")
    return body


def _write(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=True) + "\n")
    sys.stdout.flush()
