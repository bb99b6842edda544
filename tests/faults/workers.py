"""Real workers, each a process of its own that can be killed, stopped and continued."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.checks.files import ROOT

SECONDS = 90.0


@dataclass(frozen=True)
class WorkerProcess:
    """One worker."""

    pid: int
    log: Path

    def state(self) -> str:
        """The letter of its state in proc(5), empty when it is gone."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; one that is gone gets none."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def kill(self) -> None:
        """Kill it at once and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.await_state("")

    def await_state(self, letter: str) -> None:
        """Wait until it is in this state: ``T`` stopped, empty gone."""
        end = time.monotonic() + SECONDS
        while self.state() != letter:
            assert time.monotonic() < end, f"worker is {self.state()!r}: {self.log.read_text()[-2000:]}"
            time.sleep(0.01)


class Workers:
    """Starts workers by order to one process that has loaded everything."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, environment: Mapping[str, str], log: Path) -> WorkerProcess:
        """Start a worker with these settings; what it says goes to ``log``."""
        order = json.dumps({"environment": dict(environment), "log": str(log)})
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        return WorkerProcess(int(self._process.stdout.readline()), log)


@contextmanager
def starting_workers() -> Iterator[Workers]:
    """Load the worker's program once; kill whatever is left of its workers at the end."""
    argv = [sys.executable, "-m", "tests.faults.worker"]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Workers(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(SECONDS)
