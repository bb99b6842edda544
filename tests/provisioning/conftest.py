"""Nodes that one test module may use up."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.enroll import Enrolled, OperatorLogin, enroll, scan_host_key
from provisioning.lab import Lab, NodeState
from provisioning.ssh import AgentSession, HostKey


class SpareNode:
    """A lab's mail1 with shortcuts for what tests do to it, past SSH and by it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.state: NodeState = lab.state().nodes["mail1"]
        self.gateway = lab.state().gateway
        self.host_key: HostKey = scan_host_key(self.state.address, self.state.ssh_port)
        self.panel_key = make_key(folder / "panel")

    def run(self, script: str, stdin: bytes = b"") -> str:
        """Run a shell script as root on the node; it must end well."""
        done = self.lab.exec("mail1", ["sh", "-c", script], stdin=stdin)
        assert done.returncode == 0, f"{script}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def enroll(self, **changes: object) -> Enrolled:
        """Enrol it for this panel as root, but for ``changes``."""
        self.said: list[str] = []
        arguments = {
            "operator": OperatorLogin("root", self.lab.operator_key),
            "panel_public_key": self.panel_key.with_suffix(".pub").read_text(),
            "panel_source_networks": (f"{self.gateway}/32",),
            "roles": (),
            "hostname": self.state.hostname,
            "progress": self.said.append,
        } | changes
        host_key = arguments.pop("host_key", self.host_key)
        return enroll(self.state.address, self.state.ssh_port, host_key, **arguments)  # type: ignore[arg-type]  # tests pass bad ones too

    def session(self, key: Path | None = None, **changes: float) -> AgentSession:
        """Open a session of its own with the agent."""
        return AgentSession(self.state.address, self.state.ssh_port, self.host_key, key or self.panel_key, **changes)


def make_key(path: Path) -> Path:
    """Make a key pair and return the private half's path."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f", str(path)]
    subprocess.run(command, check=True, timeout=30, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpareNode]:
    """A bare node of the module's own, not enrolled."""
    yield from _spare(tmp_path_factory.mktemp("spare"))


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[SpareNode]:
    """A bare node of the test's own, not enrolled."""
    yield from _spare(tmp_path)


def _spare(folder: Path) -> Iterator[SpareNode]:
    lab = Lab(folder)
    lab.up()
    yield SpareNode(lab, folder)
    lab.destroy()
