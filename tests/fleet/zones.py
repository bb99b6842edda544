"""A panel at work on real name servers, for tests of zones that are followed from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import update

from panel.dns.models import Zone
from panel.engine.exchange import Exchange
from panel.engine.worker import Worker
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.nodes import Node, record_enrolment
from panel.wiring import make_worker
from provisioning.probes.dns import Ask, look
from tests.nodes import EnrolledNode, NameServers
from tests.worlds import World, grant, small_world

SECONDS = 60.0


@dataclass
class Walk:
    """A panel at work on real name servers."""

    world: World
    servers: NameServers
    primary: Node
    worker: Worker
    exchange: Exchange

    def settle(self, zone: Zone, state: str) -> Zone:
        """Work until the zone is in ``state``; what failed for a moment is tried again at once."""
        until = time.monotonic() + SECONDS
        while True:
            read_anew()
            if zone.state == state:
                return zone
            assert time.monotonic() < until, (zone.state, zone.problem_code, zone.problem_message)
            self.work()

    def work(self) -> None:
        """Have the worker do what is due, and what failed for a moment."""
        with unit_of_work():
            db.session.execute(update(Zone).where(Zone.retry_at.is_not(None)).values(retry_at=database_now(-1)))
        self.worker.ring(self.primary.id)
        read_anew()

    def answers(self, ask: Ask) -> bool:
        """Tell whether both servers answer so now."""
        return look(self.servers.servers, [ask], until=0.0)[ask.zone].ok


@contextmanager
def walking(servers: NameServers, folder: Path) -> Iterator[Walk]:
    """A small world that has these name servers on record and fifty zones granted to its first member."""
    with small_world(folder) as world:
        grant(world.koscian, zones=50)
        primary, _ = map(_record, (servers.primary, servers.secondary))
        exchange = Exchange(sessions=servers.primary.sessions)
        worker = make_worker(world.app, exchange)
        yield Walk(world, servers, primary, worker, exchange)
        worker.close()


def serial_of(zone: Zone) -> int:
    """The serial that was seen."""
    assert zone.serial is not None
    return zone.serial


def read_anew() -> None:
    """Read anew from now on, what the worker wrote too."""
    db.session.rollback()
    db.session.expire_all()


def _record(node: EnrolledNode) -> Node:
    return record_enrolment(
        SYSTEM,
        name=node.state.name,
        address=node.state.address,
        ssh_port=node.state.ssh_port,
        hostname=node.state.hostname,
        roles=list(node.state.roles),
        host_key=f"{node.host_key.type} {node.host_key.base64}",
        fingerprint="SHA256:none",
        certificate="",
        agent_version=node.enrolled.agent_version,
        release="12",
        versions={},
        fence=node.session().request({"op": "hello"}, 15.0)["fence"],  # others had this host before
    )
