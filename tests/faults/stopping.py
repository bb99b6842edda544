"""Stops a process while nobody writes to its databases: ``python stopping.py PID FILE…``, as a program of its own.

A process that stops amid a write keeps an SQLite file locked for everybody. Only another process can hold the locks
until every thread of the first stands still, so that none of them is amid a write then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

SECONDS = 60


def main() -> None:
    """Hold the locks, stop the process, let go of the locks."""
    pid = int(sys.argv[1])
    with contextlib.ExitStack() as held:
        for database in sys.argv[2:]:
            connection = sqlite3.connect(database, timeout=SECONDS, isolation_level=None)
            held.enter_context(contextlib.closing(connection))
            connection.execute("BEGIN IMMEDIATE")
            held.callback(connection.execute, "ROLLBACK")
        os.kill(pid, signal.SIGSTOP)
        end = time.monotonic() + SECONDS
        while not _stands_still(pid) and time.monotonic() < end:
            time.sleep(0.001)


def _stands_still(pid: int) -> bool:
    try:
        threads = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return all(stat.rpartition(")")[2].split()[0] in "TZX" for stat in threads)


if __name__ == "__main__":
    main()
