"""The node's clock: chrony, which Debian configures to ask its pool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from provisioning.agent.base.services import Service, keep_running

# linux/capability.h
_CAP_SYS_TIME = 25


def keep_time(say: Callable[[str], None]) -> None:
    """Have chrony set the clock; where the host may not set it (a container, the lab), only watch and say so."""
    may_set = _may_set_clock()
    start = "/usr/sbin/chronyd" if may_set else "/usr/sbin/chronyd -x"
    keep_running(Service("chrony", "chrony", 20, (start,), Path("/run/chrony/chronyd.pid"), "chronyd"))
    if not may_set:
        say("WARNING: this host may not set its clock; chrony only watches it")


def _may_set_clock(status: Path = Path("/proc/self/status")) -> bool:
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return bool(int(lines["CapEff"], 16) >> _CAP_SYS_TIME & 1)
