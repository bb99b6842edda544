"""A round of the sweep over a thousand nodes that have nothing to do.

One lab host stands for all of them: its real sshd, with the keys and limits that enrolment gave it, answers at a
thousand addresses (RFC 2544 keeps 198.18.0.0/15 for measurements). What it starts is a stub that answers hello; each
node has a connection, a sudo and a process of its own, as real ones have.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import func, select, update

from config import Settings
from panel.engine.greeting import greeter
from panel.engine.sweep import sweep
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kinds import KINDS
from panel.ledger.nodes import Node
from panel.wiring import create_core_app, make_exchange
from provisioning.lab import Lab
from provisioning.lab.fleet import NodeSpec
from provisioning.wire import PROTOCOL
from tests.bench.figures import Figure
from tests.checks.files import ROOT
from tests.nodes import EnrolledNode, enroll_lab_node, free_lab_name

FIRST_ADDRESS, NETWORK = "198.18.0.1", "198.18.0.0/20"
ROUNDS = 3
SECONDS_MAX = 10.0
_PROGRAM = "/usr/local/lib/cis/agent.pyz"
_STUB = f"""import json, struct, sys
REPLY = json.dumps({{"ok": True, "protocol": {PROTOCOL}, "protocols": [1, {PROTOCOL}], "agent_version": "stub",
    "release": "12", "services": {{}}, "roles": ["mail"], "fence": 0}}).encode()
while head := sys.stdin.buffer.read(4):
    sys.stdin.buffer.read(struct.unpack(">I", head)[0])
    sys.stdout.buffer.write(struct.pack(">I", len(REPLY)) + REPLY)
    sys.stdout.buffer.flush()
"""
_MANY_AT_ONCE = b"MaxStartups 1000\nPerSourceMaxStartups none\n"


def sweeps(*, nodes: int, progress: Callable[[str], None]) -> list[Figure]:
    """Measure rounds over ``nodes`` nodes: the first, which connects to each, and those after it."""
    with free_lab_name(ROOT / "var/lab", first="bench-sweep") as name, tempfile.TemporaryDirectory() as folder:
        lab = Lab(ROOT, name, fleet=(NodeSpec("many1", ("mail",), 11),), progress=progress)
        lab.destroy()
        try:
            lab.up()
            host = _stand_for_many(lab, Path(folder))
            with _route(host.state.address):
                cold, *warm = _measure(host, Path(folder), nodes, progress)
        finally:
            lab.destroy()
    return [
        Figure(f"a sweep of {nodes:,} nodes that connects to each", (cold,)),
        Figure(f"a sweep of {nodes:,} nodes with nothing to do", tuple(warm), SECONDS_MAX),
    ]


def _stand_for_many(lab: Lab, folder: Path) -> EnrolledNode:
    host = enroll_lab_node(lab.state(), "many1", folder / "panel_ed25519")
    lab.exec("many1", ["tee", _PROGRAM], stdin=_STUB.encode())
    lab.exec("many1", ["tee", "/etc/ssh/sshd_config.d/05-many.conf"], stdin=_MANY_AT_ONCE)
    lab.exec("many1", ["ip", "route", "add", "local", NETWORK, "dev", "lo"])
    lab.exec("many1", ["pkill", "-HUP", "--oldest", "-x", "sshd"])
    host.sessions.close()
    return host


@contextmanager
def _route(gateway: str) -> Iterator[None]:
    subprocess.run(["ip", "route", "replace", NETWORK, "via", gateway], check=True, timeout=10)
    yield
    subprocess.run(["ip", "route", "del", NETWORK, "via", gateway], check=False, timeout=10)


def _measure(host: EnrolledNode, folder: Path, nodes: int, progress: Callable[[str], None]) -> list[float]:
    settings = Settings(env="lab", data_dir=folder, secret_key="of the bench", panel_key=host.panel_key)
    app = create_core_app(settings)
    with app.app_context():
        db.create_all()
        _record(host, nodes)
        exchange = make_exchange(settings)
        greet = greeter(exchange)
        samples = []
        for _ in range(1 + ROUNDS):
            _forget_when_seen()
            begun = time.monotonic()
            greet(SYSTEM)
            sweep(KINDS)
            samples.append(time.monotonic() - begun)
            _require_all_seen(nodes)
            progress(f"a round over {nodes} nodes: {samples[-1]:.1f} s")
        exchange.sessions.close()
        db.session.remove()
        db.engine.dispose()
    return samples


def _record(host: EnrolledNode, nodes: int) -> None:
    key = f"{host.host_key.type} {host.host_key.base64}"
    first = ip_address(FIRST_ADDRESS)
    db.session.add_all(
        Node(
            name=f"node{number}",
            address=str(first + number),
            hostname=f"node{number}.lab.test",
            roles=["mail"],
            host_key=key,
            host_key_fingerprint=host.host_key.fingerprint,
        )
        for number in range(nodes)
    )
    db.session.commit()


def _forget_when_seen() -> None:
    db.session.execute(update(Node).values(last_seen_at=None))
    db.session.commit()


def _require_all_seen(nodes: int) -> None:
    query = select(func.count()).where(Node.last_seen_at.is_not(None), Node.problem_code.is_(None))
    seen = db.session.scalar(query)
    if seen != nodes:
        words = db.session.scalar(select(Node.problem_message).where(Node.problem_code.is_not(None)).limit(1))
        raise RuntimeError(f"{seen} of {nodes} nodes were seen; one of the others says: {words}")
