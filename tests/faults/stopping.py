"""Stops a process while nobody writes to its databases: ``python stopping.py PID FILE…``, as a program of its own.

A process that stops amid a write keeps an SQLite file, or rows in PostgreSQL, locked for everybody. Only another
process can hold the locks of files until every thread of the first stands still, so that none of them is amid a write.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import psycopg

SECONDS = 60
_BUSY = """
SELECT 1 FROM pg_stat_activity AS other
 WHERE other.client_addr = inet_client_addr() AND other.pid <> pg_backend_pid()
   AND (other.state = 'active' OR EXISTS (
       SELECT 1 FROM pg_locks WHERE pg_locks.pid = other.pid AND pg_locks.locktype = 'transactionid'))
"""


def main() -> None:
    """Hold the locks, stop the process, let go of the locks."""
    pid = int(sys.argv[1])
    with contextlib.ExitStack() as held:
        for database in sys.argv[2:]:
            connection = sqlite3.connect(database, timeout=SECONDS, isolation_level=None)
            held.enter_context(contextlib.closing(connection))
            connection.execute("BEGIN IMMEDIATE")
            held.callback(connection.execute, "ROLLBACK")
        end = time.monotonic() + SECONDS
        _stop(pid, end)
        while _amid_a_write(os.environ.get("CIS_DATABASE_URL", "")) and time.monotonic() < end:
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.01)
            _stop(pid, end)


def _stop(pid: int, end: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    while not _stands_still(pid) and time.monotonic() < end:
        time.sleep(0.001)


def _amid_a_write(url: str) -> bool:
    """Whether a PostgreSQL server does something for this host's programs, or holds a transaction of theirs that wrote.

    One lock for everybody would not help there: those who wait for it get theirs as soon as it is let go.
    """
    if not url.startswith("postgresql"):
        return False
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        return connection.execute(_BUSY).fetchone() is not None


def _stands_still(pid: int) -> bool:
    try:
        threads = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return all(stat.rpartition(")")[2].split()[0] in "TZX" for stat in threads)


if __name__ == "__main__":
    main()
