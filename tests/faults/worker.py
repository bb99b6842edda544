"""The panel's own worker, but for its named points, at which it dies or stops where a test says so.

Run as a program it loads everything once and then starts workers by fork, in a tenth of the time: each line on
standard input is an order ``{"environment", "log"}``, answered by the process's number. At the end of its input it
kills those that are left.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import panel.engine.points

DEEDS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
STOPPING = Path(__file__).with_name("stopping.py")


def reach(point: str) -> None:
    """At the point that stands in the file ``fault``, do what stands there: one worker, once."""
    order = Path(os.environ["CIS_DATA_DIR"], "fault")
    try:
        wanted, deed = order.read_text().split()
        if wanted == point:
            order.rename(order.with_name(f"fault-done-{os.getpid()}"))
            if deed == "stop":
                files = sorted(map(str, order.parent.glob("*.sqlite")))
                subprocess.run([sys.executable, STOPPING, str(os.getpid()), *files], check=True)
                return
            os.kill(os.getpid(), DEEDS[deed])
    except (FileNotFoundError, ValueError):
        return


# Before anything else of the panel is loaded, so that everybody gets this one.
panel.engine.points.reach = reach
program = importlib.import_module("panel.cli.worker")
importlib.import_module("tests.faults.impatience")


def main() -> None:
    """Start what is ordered until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    started = []
    for line in sys.stdin:
        pid = _start(json.loads(line))
        started.append(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in started:
        _end(pid)


def _start(order: dict[str, Any]) -> int:
    if pid := os.fork():
        return pid
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.update(order["environment"])
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(number, target)
        program.worker.main(args=[], prog_name="cis worker", standalone_mode=False)
    finally:
        os._exit(0)


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main()
