"""The agent's program: `serve` for the panel, `verify` and `version` for an administrator, `setup` for enrolment."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from provisioning.agent import base
from provisioning.agent.adapters import mail_rows
from provisioning.agent.adapters.mail import MailAdapter
from provisioning.agent.backup import commands as backups
from provisioning.agent.diagnose import AGENT_VERSION
from provisioning.agent.engine import Engine
from provisioning.agent.oplog import OperationLog
from provisioning.agent.store import NotSetUp, Store
from provisioning.wire import SessionEnded, WireError, read_frame, write_frame

USAGE = 2


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code: 0 well, 1 not well, 2 no such command."""
    commands: dict[str, Callable[[], int]] = {
        "serve": serve,
        "verify": verify,
        "version": version,
        "backup": backups.backup,
        "run": backups.run,
        "backup-setup": base.backup_setup_main,
        "setup": base.main,
        "upgrade": base.upgrade_main,
        "downgrade": base.downgrade_main,
    }
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write(f"usage: {' | '.join(commands)}\n")
        return USAGE
    try:
        return commands[arguments[0]]()
    except NotSetUp as error:
        sys.stderr.write(f"{error}: was this node enrolled?\n")
        return 1


def serve() -> int:
    """Answer requests on stdin until it ends."""
    store = Store(schema=[mail_rows.SCHEMA])
    engine = Engine(store, MailAdapter(store), OperationLog())
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


def verify() -> int:
    """Compare what the store holds with what the services read, and print it; works without the panel."""
    report = MailAdapter(Store(schema=[mail_rows.SCHEMA])).verify()
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 1 if report["differing"] else 0


def version() -> int:
    """Print the agent's version."""
    sys.stdout.write(AGENT_VERSION + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
