"""The panel's part while an operator works on a node: a program of its own that holds the node until it is let go.

One line of JSON asks, one line answers: ``{"do": "look"}`` → ``{"seen": n}``; ``{"do": "accept", "program": …,
"what": …}`` → ``{"seen": n}`` or ``{"failed": code, "message": text}``. When its input ends, by whatever death, the
node is free again.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from flask import current_app

from config import Settings
from panel.cli.privileges import start_as_panel_user
from panel.cli.references import find_node
from panel.cli.session import with_panel
from panel.engine.attending import Attendance
from panel.engine.heartbeat import Heartbeat
from panel.engine.rebuilding import record_rebuild
from panel.kernel.access import Actor, require
from panel.kernel.db import db
from panel.kernel.errors import PanelError
from panel.ledger.backups import BackupPlace
from panel.ledger.nodes import Lease, Node, release_lease, take_lease
from panel.ledger.waiting import wait_until
from panel.wiring import attend as attendance_of
from panel.wiring import make_exchange
from panel.wording import describe
from provisioning.ssh import AgentError, SshError

HOLD_SECONDS = 60.0
"""How long a worker that is at the node may take to end its run."""


class PanelRefused(Exception):
    """The panel's part says that the node is not as it should be; ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Attended:
    """The operator's end of the conversation about one node; ``facts`` say where it is and what it runs."""

    def __init__(self, ask: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
        self._ask = ask
        self.facts = ask({})

    def look_before(self) -> int:
        """Have the panel look at what works now; return at how much."""
        return int(self._ask({"do": "look"})["seen"])

    def accept(self, program: str, what: str) -> int:
        """Have the panel look again and record ``program``. Raises PanelRefused."""
        return int(self._ask({"do": "accept", "program": program, "what": what})["seen"])

    def rebuild(self, found: Mapping[str, Any]) -> int:
        """Have the panel pin the new host and want everything again; return how many resources that is."""
        return int(self._ask({"do": "rebuild", "found": found})["seen"])


@contextmanager
def attended(settings: Settings, node: str) -> Iterator[Attended]:
    """Hold ``node`` through the panel's part. Where that could not, it said why itself, and its exit code is ours."""
    process = start_as_panel_user(settings, ("nodes", "attend", node))
    said, heard = process.stdin, process.stdout
    if said is None or heard is None:
        raise RuntimeError("started without pipes")

    def ask(question: Mapping[str, Any]) -> dict[str, Any]:
        if question:
            said.write(json.dumps(question) + "\n")
        line = heard.readline()
        if not line:
            sys.exit(process.wait() or 1)
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise PanelRefused(answer["failed"], answer["message"])
        return answer

    try:
        yield Attended(ask)
    finally:
        said.close()
        process.wait()
        heard.close()


@click.command(hidden=True)
@click.argument("node")
@with_panel
def attend(actor: Actor, /, *, node: str) -> None:
    """Hold NODE for the operator's part, which asks on standard input, until that ends."""
    require(actor, "nodes:write", staff=True)
    held = find_node(actor, node)
    settings: Settings = current_app.config["CIS"]
    lease = _hold(held, settings)
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # Flask's own way past its proxy
    exchange = make_exchange(settings)
    try:
        with Heartbeat(app, lease, seconds=settings.lease_seconds):
            _converse(actor, attendance_of(settings, exchange, held, lease))
    finally:
        release_lease(lease)
        exchange.sessions.close()


def _hold(node: Node, settings: Settings) -> Lease:
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    taken: list[Lease] = []

    def tried() -> bool:
        lease = take_lease(node.id, owner=owner, seconds=settings.lease_seconds)
        taken.extend([lease] if lease else [])
        return bool(lease)

    if not wait_until(tried, HOLD_SECONDS):
        raise click.ClickException(f"{node.name} is held by {node.lease_owner}, which does not end")
    return taken[0]


def _converse(actor: Actor, attendance: Attendance) -> None:
    node = attendance.node
    _say({"name": node.name, "address": node.address, "ssh_port": node.ssh_port} | _identity(node))
    for line in sys.stdin:
        try:
            _say({"seen": _answer(actor, attendance, json.loads(line))})
        except PanelError as error:
            _say({"failed": error.code, "message": describe(error)})
        except (SshError, AgentError) as error:
            _say({"failed": type(error).__name__, "message": str(error)})


def _identity(node: Node) -> dict[str, Any]:
    place = db.session.get(BackupPlace, node.id)
    return {
        "host_key": node.host_key,
        "program": node.agent_version,
        "hostname": node.hostname,
        "roles": list(node.roles),
        "repository": None if place is None else place.place,
    }


def _answer(actor: Actor, attendance: Attendance, question: Mapping[str, Any]) -> int:
    if question["do"] == "look":
        return attendance.look_before()
    if question["do"] == "rebuild":
        return record_rebuild(actor, attendance.node, attendance.lease, attendance.kinds, question["found"])[1]
    return attendance.accept(actor, program=question["program"], what=question["what"])


def _say(answer: Mapping[str, Any]) -> None:
    click.echo(json.dumps(answer))
    sys.stdout.flush()
