"""A primary name server of its own for tests: real Knot, set up as enrolment does."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioning.enroll import OperatorLogin, enroll, scan_host_key
from provisioning.lab import Lab
from provisioning.lab.fleet import NAME_SERVERS
from provisioning.ssh import Sessions
from tests.contract.node import AgentUnderTest
from tests.nodes import EnrolledNode, free_lab_name

ROOT = Path(__file__).resolve().parents[2]
KEY = base64.b64encode(b"a key that only tests have: 32 B").decode()
NAME = "ns1"


@contextmanager
def primary(panel_key: Path) -> Iterator[AgentUnderTest]:
    """Boot and enrol it; its data goes with it."""
    with free_lab_name(ROOT / "var/lab", "names") as name:
        lab = Lab(ROOT, name, fleet=NAME_SERVERS[:1], progress=print)
        lab.destroy()
        lab.up()
        try:
            node = _enrolled(lab, panel_key)
            yield AgentUnderTest(lab, node)
            node.sessions.close()
        finally:
            lab.destroy()


def _enrolled(lab: Lab, panel_key: Path) -> EnrolledNode:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "panel", "-f", str(panel_key)]
    subprocess.run(argv, check=True, timeout=30, stdin=subprocess.DEVNULL)
    state = lab.state()
    node = state.nodes[NAME]
    host_key = scan_host_key(node.address, node.ssh_port)
    enrolled = enroll(
        node.address,
        node.ssh_port,
        host_key,
        operator=OperatorLogin("root", lab.operator_key),
        panel_public_key=panel_key.with_suffix(".pub").read_text(),
        panel_source_networks=(state.gateway,),
        roles=node.roles,
        hostname=node.hostname,
        progress=print,
        name_servers={
            "own": NAME,
            "key": KEY,
            "primaries": [{"name": NAME, "address": node.address}],
            "secondaries": [],
        },
    )
    return EnrolledNode(node, host_key, enrolled, panel_key, state.gateway, Sessions(panel_key))
