"""The agent's program: `serve` for the panel, `cis-node`'s commands for an administrator, `setup` for enrolment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

from provisioning.agent import base, node_command, roles
from provisioning.agent.backup import commands as backups
from provisioning.agent.diagnose import AGENT_VERSION
from provisioning.agent.engine import Engine
from provisioning.agent.oplog import OperationLog
from provisioning.agent.store import NotSetUp
from provisioning.wire import SessionEnded, WireError, read_frame, write_frame


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code: 0 well, 1 not well, 2 no such command, 3 nothing done."""
    own: dict[str, Callable[[Sequence[str]], int]] = {
        "verify": node_command.verify,
        "batches": node_command.batches,
        "rollback": node_command.rollback,
    }
    commands: dict[str, Callable[[], int]] = {
        "serve": serve,
        "version": version,
        "backup": backups.backup,
        "run": backups.run,
        "backup-setup": base.backup_setup_main,
        "setup": base.main,
        "upgrade": base.upgrade_main,
        "downgrade": base.downgrade_main,
        "name-servers": base.name_servers_main,
    }
    name, *rest = arguments or [""]
    try:
        if name in own:
            return own[name](rest)
        return commands[name]() if name in commands and not rest else _mistaken(commands)
    except node_command.MistakenUsage:
        return _mistaken(commands)
    except NotSetUp as error:
        sys.stderr.write(f"{error}: was this node enrolled?\n")
        return 1


def serve() -> int:
    """Answer requests on stdin until it ends."""
    store = roles.open_store()
    engine = Engine(store, roles.adapter_of(store), OperationLog(), more=roles.operations(store))
    engine.resume()
    try:
        while True:
            write_frame(sys.stdout.buffer, engine.handle(read_frame(sys.stdin.buffer)))
            engine.prepare()
    except SessionEnded as end:
        return 0 if end.clean else 1
    except WireError as error:
        write_frame(sys.stdout.buffer, {"ok": False, "error": "protocol", "message": str(error)})
        return 1


def version() -> int:
    """Print the agent's version."""
    sys.stdout.write(AGENT_VERSION + "\n")
    return 0


def _mistaken(commands: Iterable[str]) -> int:
    sys.stderr.write(f"usage: {' | '.join([*node_command.USAGES, *commands])}\n")
    return node_command.USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
