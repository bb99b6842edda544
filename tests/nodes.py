"""Real nodes for tests: which lab is free, and a node enrolled as an operator would."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioning.enroll import Enrolled, OperatorLogin, enroll, scan_host_key
from provisioning.lab import LabState, NodeState
from provisioning.ssh import AgentSession, HostKey, Sessions


@dataclass(frozen=True)
class EnrolledNode:
    """A node as the panel knows it: where it is, what it showed, and the key that starts its agent."""

    state: NodeState
    host_key: HostKey
    enrolled: Enrolled
    panel_key: Path
    panel_address: str
    sessions: Sessions

    def session(self) -> AgentSession:
        """Return the warm session with its agent."""
        return self.sessions.get(self.state.address, self.state.ssh_port, self.host_key)


@contextmanager
def free_lab_name(folder: Path, first: str = "test") -> Iterator[str]:
    """Yield the first of test, test-2, … that no other run of the tests holds; hold it until the end."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        name = first if number == 1 else f"{first}-{number}"
        with (folder / f".{name}.held").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                number += 1
                continue
            yield name
            return


def enroll_lab_node(lab: LabState, name: str, panel_key: Path) -> EnrolledNode:
    """Enrol the lab's node ``name`` for the panel whose private key is ``panel_key`` (made if missing)."""
    if not panel_key.exists():
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "panel", "-f", str(panel_key)]
        subprocess.run(argv, check=True, timeout=30, stdin=subprocess.DEVNULL)
    node = lab.nodes[name]
    host_key = scan_host_key(node.address, node.ssh_port)
    enrolled = enroll(
        node.address,
        node.ssh_port,
        host_key,
        operator=OperatorLogin("root", lab.operator_key),
        panel_public_key=panel_key.with_suffix(".pub").read_text(),
        panel_source_networks=(lab.gateway,),
        roles=node.roles,
        hostname=node.hostname,
        progress=print,
    )
    return EnrolledNode(node, host_key, enrolled, panel_key, lab.gateway, Sessions(panel_key))
