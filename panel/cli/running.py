"""A whole panel on this machine: lab, database, demo data, enrolled node, web and worker. Only for ``CIS_ENV=lab``.

Needs root, since lab hosts are real hosts; the panel's own processes hold no rights (``provisioning.lab.processes``).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from provisioning.agent.build import build_zipapp
from provisioning.lab import Lab, LabState, NodeState
from provisioning.lab.fleet import DEFAULT_FLEET, RESOLVER, NodeSpec
from provisioning.lab.processes import USER, WORKER, PanelProcess, data_folder, start

ADMIN_EMAIL = "admin@panel.test"
FIRST_PORT, LAST_PORT = 8080, 8999
PORT_LOCKS = Path("/run/lock/cis-panel")
_START_SECONDS = 60.0


class RunFailed(Exception):
    """It cannot go on; the text is one line for the person who started it."""


class RunningPanel:
    """The panel of lab ``name`` of the checkout ``root``. ``start`` it, read ``facts``, ``stop`` it."""

    def __init__(
        self,
        root: Path,
        name: str = "main",
        *,
        fleet: Sequence[NodeSpec] = DEFAULT_FLEET,
        progress: Callable[[str], None] = print,
    ) -> None:
        self.root = root.resolve()
        self.lab = Lab(self.root, name, fleet=fleet, progress=progress)
        self.name = name
        self.facts_path = self.root / ("var/lab.json" if name == "main" else f"var/lab/{name}/lab.json")
        self.data_dir = Path("var/panel") / name
        self.logs = self.root / "var/log" / name
        self.facts: dict[str, Any] = {}
        self.processes: dict[str, PanelProcess] = {}
        self._progress = progress
        self._port_lock: TextIO | None = None

    def start(self) -> dict[str, Any]:
        """Bring everything up and return what ``lab.json`` holds. Doing it again keeps all data. Raises RunFailed."""
        state = self.lab.up()
        folder = data_folder(self.root, self.name)
        self.facts = self._make_facts(state)
        self._as_panel("database", "db", "upgrade")
        self._as_panel("demo data", "demo", "load")
        self._make_admin(folder)
        self._write_facts()
        for node in _nodes_of(state):
            self._enroll(state, node.name)
        self._as_panel("shared domain and statutory addresses", "demo", "addresses")
        self.start_worker()
        self.start_web()
        return self.facts

    def start_worker(self, *, name: str = "worker") -> PanelProcess:
        """Start a worker."""
        return self._start(name, [".venv/bin/python", "-m", "panel.cli", "worker"], user=WORKER)

    def start_web(self) -> PanelProcess:
        """Start the web server and wait until it answers."""
        port = self.facts["panel_url"].rpartition(":")[2]
        argv = [
            ".venv/bin/python",
            "-m",
            "gunicorn",
            "--config",
            "panel/gunicorn.py",
            "--bind",
            f"127.0.0.1:{port}",
            "wsgi:app",
        ]
        process = self._start("web", argv, user=USER)
        self._await_answer(process)
        return process

    def stop(self, *, lab: bool = True) -> None:
        """Stop web and worker, and the lab unless it shall stay."""
        for process in self.processes.values():
            process.stop()
        self.processes.clear()
        if self._port_lock is not None:
            self._port_lock.close()
        if lab:
            self.lab.down()

    def environment(self) -> dict[str, str]:
        """The settings under which this panel runs."""
        return {
            "CIS_ENV": "lab",
            "CIS_DATA_DIR": str(self.data_dir),
            "CIS_PUBLIC_URL": self.facts["panel_url"],
            "CIS_SECURE_COOKIES": "0",
            "CIS_NOTICE_SMTP": self._mail_server(),
            "CIS_NOTICE_FROM": "panel@panel.test",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def _mail_server(self) -> str:
        """The lab's own mail node: what it has no mailbox for it refuses."""
        mail = [node["ip"] for node in self.facts["nodes"] if "mail" in node["roles"]]
        return f"smtp://{mail[0]}:25" if mail else ""

    def run_as_panel(self, name: str, *arguments: str, timeout: float = 300.0) -> str:
        """Run ``cis ARGUMENTS`` as the worker's user, return what it printed. Raises RunFailed with its last line."""
        log = self.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        command = [".venv/bin/python", "-m", "panel.cli", *arguments]
        process = start(command, self.environment(), log, name, root=self.root, user=WORKER)
        code = process.wait(timeout)
        printed = log.read_text(errors="replace")
        if code:
            raise RunFailed(
                f"{' '.join(arguments)}: {(printed.strip().splitlines() or ['no output'])[-1]} (whole output: {log})"
            )
        return printed

    def _as_panel(self, what: str, *arguments: str) -> None:
        begun = time.monotonic()
        self.run_as_panel("-".join(arguments[:2]), *arguments)
        self._progress(f"{what}: done in {time.monotonic() - begun:.1f} s")

    def _start(self, name: str, argv: list[str], *, user: str) -> PanelProcess:
        log = self.logs / f"{name}.log"
        self.processes[name] = start(argv, self.environment(), log, name, root=self.root, user=user)
        return self.processes[name]

    def _make_facts(self, state: LabState) -> dict[str, Any]:
        """What was chosen before stays: port, password, second factor, token."""
        known = json.loads(self.facts_path.read_text()) if self.facts_path.exists() else {}
        port, self._port_lock = _reserve_port(int(known.get("panel_url", f":{FIRST_PORT}").rpartition(":")[2]))
        return {
            "panel_url": f"http://localhost:{port}",
            "admin_email": ADMIN_EMAIL,
            "admin_password": known.get("admin_password") or secrets.token_urlsafe(12),
            "admin_totp": known.get("admin_totp") or base64.b32encode(secrets.token_bytes(20)).decode(),
            "api_token": known.get("api_token") or "cis_" + secrets.token_urlsafe(16),
            "netns": None,
            "nodes": [
                {"name": node.name, "roles": list(node.roles), "ip": node.address, "ssh_port": node.ssh_port}
                for node in _nodes_of(state)
            ],
            "resolver": next((one.address for one in state.nodes.values() if RESOLVER in one.roles), None),
        }

    def _write_facts(self) -> None:
        self.facts_path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.facts_path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(draft, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(self.facts, file, indent=2)
        draft.replace(self.facts_path)

    def _make_admin(self, folder: Path) -> None:
        """Hand the first administrator's secrets over in a file that the command reads and deletes."""
        order = folder / "first-admin.json"
        order.unlink(missing_ok=True)
        with open(order, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(
                {key: self.facts[key] for key in ("admin_email", "admin_password", "admin_totp", "api_token")}, file
            )
        shutil.chown(order, WORKER)
        self._as_panel("first administrator", "demo", "admin")

    def _enroll(self, state: LabState, name: str) -> None:
        """Enrol a node that is not enrolled yet, or whose agent is another one than ours, as its operator would."""
        known = {node["name"]: node for node in json.loads(self.run_as_panel("nodes", "nodes", "list", "--json"))}
        program = self.logs / "agent.pyz"
        self.logs.mkdir(parents=True, exist_ok=True)
        version = build_zipapp(program)[:12]
        node = state.nodes[name]
        if known.get(name, {}).get("agent_version") == version and known[name].get("address") == node.address:
            self._progress(f"{name}: enrolled already, agent {version}")
            return
        command = [
            sys.executable,
            "-m",
            "panel.cli",
            "nodes",
            "enroll",
            name,
            "--address",
            node.address,
            "--port",
            str(node.ssh_port),
            "--hostname",
            node.hostname,
            "--roles",
            ",".join(node.roles),
            "--operator-key",
            str(state.operator_key),
            "--from",
            state.gateway,
            "--yes-fingerprint",
            self._fingerprint(name),
        ]
        environment = os.environ | self.environment()
        done = subprocess.run(
            command, cwd=self.root, env=environment, check=False, timeout=1800, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            raise RunFailed(f"{name} could not be enrolled; what it said stands above")

    def _fingerprint(self, name: str) -> str:
        """The host key's fingerprint, read on the host's own console: a lab is looked after by whoever runs it."""
        shown = self.lab.exec(name, ["ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub"]).stdout.decode()
        return shown.split()[1]

    def _await_answer(self, process: PanelProcess) -> None:
        """Wait for the first page: the server listens long before it can serve."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.facts['panel_url']}/healthz", timeout=_START_SECONDS):  # noqa: S310 - our own
                    return
            except urllib.error.HTTPError as error:
                raise RunFailed(f"the panel answers {error.code}; see {process.log_path}") from error
            except OSError:
                time.sleep(0.05)
        raise RunFailed(f"the web server did not start; see {process.log_path}")


def _nodes_of(state: LabState) -> list[NodeState]:
    """The hosts that the panel looks after: all but the resolver."""
    return [node for node in state.nodes.values() if RESOLVER not in node.roles]


def _reserve_port(wanted: int) -> tuple[int, TextIO]:
    """``wanted`` if nobody has it, else the next free one, with the lock that keeps other panels off it until the end.

    Between choosing a port and listening on it lie seconds in which another panel would choose the same.
    """
    PORT_LOCKS.mkdir(parents=True, exist_ok=True)
    ports: list[int] = [wanted, *range(FIRST_PORT, LAST_PORT)]
    for port in ports:
        lock = (PORT_LOCKS / f"{port}.lock").open("w")  # held as long as the panel runs
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if _nobody_listens(port):
            return port, lock
        lock.close()
    raise RunFailed(f"no free port between {FIRST_PORT} and {LAST_PORT}")


def _nobody_listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
