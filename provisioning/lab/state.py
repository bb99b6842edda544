"""What a lab remembers between runs, and tells to those who look for its nodes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class NodeState:
    """One host as it is reached: over SSH only, as a remote one would be."""

    name: str
    roles: tuple[str, ...]
    hostname: str
    address: str
    ssh_port: int = 22


@dataclass(frozen=True, slots=True)
class LabState:
    """A lab's id, its network, its hosts and the operator's private key (root on every host)."""

    lab_id: str
    subnet: str
    gateway: str
    operator_key: Path
    nodes: dict[str, NodeState]


@dataclass(frozen=True, slots=True)
class HostProcess:
    """PID 1 of a running host with its start time, since the kernel gives numbers out again."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> HostProcess | None:
        """The process ``pid`` as it is now, or None if there is none (proc(5), field 22 of stat)."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] == "Z" else cls(pid, int(fields[19]))

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return HostProcess.of(self.pid) == self


def read_json(path: Path) -> dict[str, Any]:
    """Read a state file; a missing or torn one counts as empty, since `up` can make everything again."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a state file in one step, readable by root only."""
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        json.dump(content, stream, indent=1)
    draft.rename(path)
