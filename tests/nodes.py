"""Real nodes for tests: which lab is free, and a node enrolled as an operator would."""

from __future__ import annotations

import base64
import fcntl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.enroll import Enrolled, OperatorLogin, enroll, scan_host_key
from provisioning.lab import Lab, LabState, NodeState
from provisioning.probes.dns import Server
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


@dataclass(frozen=True)
class NameServers:
    """A primary and a secondary name server that know each other; ``servers`` are they as probes know them."""

    lab: Lab
    primary: EnrolledNode
    secondary: EnrolledNode

    @property
    def servers(self) -> list[Server]:
        """Both, the primary first."""
        return [Server(node.state.name, node.state.address) for node in (self.primary, self.secondary)]

    def on(self, node: EnrolledNode, *argv: str, stdin: bytes = b"") -> str:
        """Run a command as root on one of them; it must end well."""
        done = self.lab.exec(node.state.name, list(argv), stdin=stdin)
        assert done.returncode == 0, f"{argv}: {done.stderr.decode()}"
        return done.stdout.decode().strip()


TRANSFER_KEY = base64.b64encode(b"the key of transfers in tests...").decode()


@contextmanager
def enrolled_name_servers(lab: Lab, folder: Path) -> Iterator[NameServers]:
    """Enrol ns1 and ns2 of a lab that is up."""
    state = lab.state()
    primaries, secondaries = ([{"name": name, "address": state.nodes[name].address}] for name in ("ns1", "ns2"))
    told = {"key": TRANSFER_KEY, "primaries": primaries, "secondaries": secondaries}
    primary, secondary = (
        enroll_lab_node(state, name, folder / "panel_ed25519", name_servers={"own": name, **told})
        for name in ("ns1", "ns2")
    )
    yield NameServers(lab, primary, secondary)
    for node in (primary, secondary):
        node.sessions.close()


def enroll_lab_node(
    lab: LabState, name: str, panel_key: Path, *, name_servers: Mapping[str, Any] | None = None
) -> EnrolledNode:
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
        name_servers=name_servers,
    )
    return EnrolledNode(node, host_key, enrolled, panel_key, lab.gateway, Sessions(panel_key))
