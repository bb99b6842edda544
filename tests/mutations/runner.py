"""Run one named test each over a tree with one guard taken out.

A program of its own, started by its path: it loads libraries once and none of the project, and forks for each order,
so that a mutation costs about what its test costs. An order on standard input is ``{"tree", "test", "seconds", "log"}``
in one line of JSON; the answer is pytest's exit code, or -1 where time ran out.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
import traceback
from typing import Any

LIBRARIES = (
    "pytest", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite", "flask_sqlalchemy", "flask_migrate",
    "flask_babel", "flask_security", "huey", "redis", "psycopg", "paramiko", "cryptography.hazmat.primitives", "rich",
    "argon2", "passlib.hash", "click", "playwright.sync_api",
)  # fmt: skip
_STEP_SECONDS = 0.01


def main() -> None:
    """Answer orders until the input ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        sys.stdout.write(f"{_run(json.loads(line))}\n")
        sys.stdout.flush()


def _run(order: dict[str, Any]) -> int:
    pid = os.fork()
    if not pid:
        _become_pytest(order)
    end = time.monotonic() + order["seconds"]
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_STEP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -1


def _become_pytest(order: dict[str, Any]) -> None:
    code = 3
    try:
        os.setsid()
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(number, target)
        os.chdir(order["tree"])
        sys.path.insert(0, order["tree"])
        code = int(
            sys.modules["pytest"].main(
                ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", order["test"]]
            )
        )
    except BaseException:  # noqa: BLE001 - a fork must not go on as its parent; what went wrong is in the log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.path.pop(0)  # this file's own folder, which is no place to import from
    main()
