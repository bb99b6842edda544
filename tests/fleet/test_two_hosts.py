"""Two workers on two hosts, PostgreSQL and Redis over the network, one real mail node."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

import panel.cli.worker  # noqa: F401 - the tables of all that workers do
from config import Settings
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.ledger.nodes import Node, record_enrolment
from panel.ledger.workers import Sign
from panel.mail.actions import create_mailbox
from panel.mail.domains import ensure_shared_domain
from panel.mail.models import Mailbox
from panel.members.actions import create_member
from panel.wiring import create_core_app
from provisioning.enroll import OperatorLogin, enroll, scan_host_key
from provisioning.lab import Lab
from provisioning.lab.fleet import NodeSpec
from tests import servers
from tests.checks.files import ROOT
from tests.nodes import free_lab_name
from tests.provisioning.conftest import make_key
from tests.worlds import SHARED, grant

SHOWN = tuple(dict.fromkeys((ROOT, (ROOT / ".venv").resolve())))
FLEET = (
    NodeSpec("mail1", ("mail",), 11),
    NodeSpec("worker1", (), 21, shown=SHOWN),
    NodeSpec("worker2", (), 22, shown=SHOWN),
)
WORKERS = ("worker1", "worker2")
LEASE_SECONDS, SWEEP_SECONDS, SECONDS, TRIES = 4, 1, 180.0, 4
DATA = "/var/lib/cis-panel"
PROGRAM = "from tests.faults.worker import program; program.worker.main(args=[], prog_name='cis worker')"


@dataclass
class TwoHosts:
    """A panel whose workers run on hosts of their own."""

    lab: Lab
    folder: Path
    environment: dict[str, str]
    member_id: uuid.UUID
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self, host: str) -> None:
        if host in self.running:
            self.running.pop(host).wait(SECONDS)
        argv = [str(ROOT / ".venv/bin/python"), "-c", PROGRAM]
        self.running[host] = self.lab.spawn(host, argv, log=self.log(host), cwd=ROOT, env=self.environment)

    def start_both(self) -> None:
        for host in WORKERS:
            self.start(host)
        self.wait(lambda: all(map(self.ready, WORKERS)))

    def log(self, host: str) -> Path:
        return self.folder / f"{host}.log"

    def signal(self, host: str, name: str) -> None:
        self.run(host, f"pkill -{name} --full '[f]rom tests.faults.worker'")

    def stop_all(self) -> None:
        for host, process in self.running.items():
            self.lab.exec(host, ["sh", "-c", "pkill -KILL --full '[f]rom tests.faults.worker'"])
            # What entered the host stops when the worker does, and must go before the host can.
            process.kill()
            process.wait(60)
        self.running.clear()

    def at(self, host: str, point: str, deed: str) -> None:
        """Have the worker on ``host`` *stop* or *kill* itself when it next comes to ``point``."""
        self.run(host, f"printf '%s' '{point} {deed}' > {DATA}/fault.new; mv {DATA}/fault.new {DATA}/fault")

    def happened(self, host: str) -> bool:
        return self.lab.exec(host, ["sh", "-c", f"ls {DATA} | grep -q fault-done"]).returncode == 0

    def forget_faults(self) -> None:
        for host in WORKERS:
            self.run(host, f"rm -f {DATA}/fault*")

    def run(self, host: str, script: str, stdin: bytes = b"") -> str:
        done = self.lab.exec(host, ["sh", "-c", script], stdin=stdin)
        assert done.returncode == 0, f"{script}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def new_box(self) -> uuid.UUID:
        address = f"osoba-{next(self.numbers)}@{SHARED}"
        return create_mailbox(SYSTEM, member_id=self.member_id, address=address).mailbox.id

    def state(self, box: uuid.UUID) -> str:
        db.session.rollback()
        return db.session.scalars(select(Mailbox.state).where(Mailbox.id == box)).one()

    def owner(self) -> str:
        """The host whose worker holds the node now, empty when none does."""
        db.session.rollback()
        return (db.session.scalars(select(Node.lease_owner)).one() or "").partition(":")[0]

    def wait(self, question: Callable[[], bool], *, seconds: float = SECONDS) -> float:
        """Ask until the answer is yes; return how long that took."""
        begun = time.monotonic()
        while not question():
            assert time.monotonic() < begun + seconds, self.last_words()
            time.sleep(0.02)
        return time.monotonic() - begun

    def active(self, box: uuid.UUID) -> Callable[[], bool]:
        return lambda: self.state(box) == "active"

    def last_words(self) -> str:
        db.session.rollback()
        node = db.session.scalars(select(Node).execution_options(populate_existing=True)).one()
        boxes = db.session.execute(select(Mailbox.address, Mailbox.state, Mailbox.problem_code).order_by(Mailbox.id))
        words = [f"node of {node.lease_owner} until {node.lease_expires_at} {node.problem_code}", *map(str, boxes)]
        return "\n".join([*words, *(f"{host}: {self.log(host).read_text()[-1500:]}" for host in self.running)])

    def ready(self, host: str) -> bool:
        """Whether the worker on ``host`` has shown that it lives."""
        db.session.rollback()
        return any(name.startswith(f"{host}:") for name in db.session.scalars(select(Sign.name)))

    def rows_of(self, box: uuid.UUID) -> int:
        """How many rows the node has of a mailbox."""
        query = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); print(sum(row[0] == sys.argv[2] for row in"
        query += " db.execute('SELECT id FROM mailbox')))"
        argv = ["python3", "-c", query, "/var/lib/cis/mail/mail.sqlite", str(box)]
        return int(self.lab.exec("mail1", argv).stdout)

    def batches(self) -> list[dict[str, object]]:
        """What the node's own log says of batches."""
        lines = self.run("mail1", "cat /var/log/cis-agent.log").splitlines()
        return [entry for line in lines if (entry := json.loads(line))["what"] == "batch"]


def test_both_take_work_when_they_are_rung(hosts: TwoHosts) -> None:
    hosts.start_both()
    seen: set[str] = set()

    def took(box: uuid.UUID) -> bool:
        seen.add(hosts.owner())
        return hosts.state(box) == "active"

    for _ in range(20):
        box = hosts.new_box()
        hosts.wait(lambda box=box: took(box))  # type: ignore[misc]  # bound here
        if seen >= set(WORKERS):
            break

    assert seen >= set(WORKERS), hosts.last_words()


def test_one_that_slept_through_its_lease_is_refused_by_the_node_and_nothing_is_doubled(hosts: TwoHosts) -> None:
    hosts.start("worker1")
    hosts.wait(hosts.active(hosts.new_box()))
    hosts.at("worker1", "sent", "stop")
    box = hosts.new_box()
    hosts.wait(lambda: hosts.happened("worker1"))
    assert hosts.state(box) != "active"
    hosts.start("worker2")
    hosts.wait(hosts.active(box))
    batches, log = hosts.batches(), len(hosts.log("worker1").read_text())

    hosts.signal("worker1", "CONT")
    hosts.wait(lambda: "stale_fence" in hosts.log("worker1").read_text()[log:])

    assert hosts.batches() == batches
    assert hosts.state(box) == "active"
    assert hosts.rows_of(box) == 1
    later = hosts.new_box()
    hosts.wait(hosts.active(later))


def test_the_other_takes_over_from_one_that_died(hosts: TwoHosts) -> None:
    hosts.start_both()
    took: list[float] = []
    # On a machine that others use too, the first try may be late.
    while not took or (min(took) > LEASE_SECONDS + 5 and len(took) < TRIES):
        if took:
            hosts.forget_faults()
            hosts.start("worker1")
        hosts.at("worker1", "answered", "kill")
        box = _until_it_happens(hosts, "worker1")
        took.append(hosts.wait(hosts.active(box)))

    assert min(took) <= LEASE_SECONDS + 5, took
    assert len({batch["batch"] for batch in hosts.batches()}) == len(hosts.batches())


def test_a_redis_that_is_away_costs_only_time(hosts: TwoHosts) -> None:
    hosts.start("worker1")
    hosts.wait(hosts.active(hosts.new_box()))
    hosts.run(
        "worker1", "nft add table inet away; nft 'add chain inet away out { type filter hook output priority 0; }'"
    )
    port = hosts.environment["CIS_REDIS_URL"].rpartition(":")[2].partition("/")[0]
    hosts.run("worker1", f"nft add rule inet away out tcp dport {port} drop")
    try:
        hosts.wait(hosts.active(hosts.new_box()))
    finally:
        hosts.run("worker1", "nft delete table inet away")


def _until_it_happens(hosts: TwoHosts, host: str) -> uuid.UUID:
    """Ask for mailboxes until the worker on ``host`` is the one that takes one up; return the last of them."""
    for _ in range(20):
        box = hosts.new_box()
        hosts.wait(lambda box=box: hosts.happened(host) or hosts.state(box) == "active")  # type: ignore[misc]  # bound here
        if hosts.happened(host):
            return box
    raise AssertionError(hosts.last_words())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    folder = tmp_path_factory.mktemp("two-hosts")
    with ExitStack() as stack:
        lab = Lab(folder, stack.enter_context(free_lab_name(folder, first="two-hosts")), fleet=FLEET, progress=print)
        stack.callback(lab.destroy)
        state = lab.up()
        cluster = stack.enter_context(servers.postgresql(address=state.gateway))
        cluster.let_guest_in()
        database = cluster.network_url(stack.enter_context(cluster.database()))
        redis_url = stack.enter_context(servers.redis_server(address=state.gateway))
        yield stack.enter_context(_panel(lab, folder, database, redis_url))


@pytest.fixture
def hosts(whole: TwoHosts) -> Iterator[TwoHosts]:
    yield whole
    whole.stop_all()
    whole.forget_faults()
    with unit_of_work():
        db.session.execute(delete(Sign))
        db.session.execute(update(Node).values(lease_owner=None, lease_expires_at=None))


@contextmanager
def _panel(lab: Lab, folder: Path, database: str, redis_url: str) -> Iterator[TwoHosts]:
    environment = {
        "CIS_ENV": "lab",
        "CIS_DATABASE_URL": database,
        "CIS_REDIS_URL": redis_url,
        "CIS_SECRET_KEY": "of tests",
        "CIS_SECURE_COOKIES": "0",
        "CIS_LEASE_SECONDS": str(LEASE_SECONDS),
        "CIS_SWEEP_SECONDS": str(SWEEP_SECONDS),
        "CIS_DRIFT_HOURS": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    app = create_core_app(Settings.from_environment(environment | {"CIS_DATA_DIR": str(folder / "data")}))
    with app.app_context():
        db.create_all()
        key = make_key(folder / "panel_ed25519")
        _enroll(lab, key)
        ensure_shared_domain(SYSTEM, SHARED)
        member = create_member(SYSTEM, name="Kościan", kind="municipality", slug="miasto-koscian", teryt="301101")
        grant(member, mailboxes=1000, mailbox_mb=1_024_000)
        hosts = TwoHosts(lab, folder, environment | {"CIS_DATA_DIR": DATA}, member.id)
        for host in WORKERS:
            hosts.run(host, f"install -d -m 700 {DATA} {DATA}/keys")
            hosts.run(host, f"umask 077; cat > {DATA}/keys/panel_ed25519", key.read_bytes())
        assert sys.version_info[:2] == tuple(map(int, hosts.run("worker1", "python3 -V").split()[1].split(".")[:2]))
        yield hosts
        hosts.stop_all()
        db.session.remove()
        db.engine.dispose()


def _enroll(lab: Lab, key: Path) -> None:
    state = lab.state()
    node = state.nodes["mail1"]
    host_key = scan_host_key(node.address, node.ssh_port)
    enrolled = enroll(
        node.address,
        node.ssh_port,
        host_key,
        operator=OperatorLogin("root", lab.operator_key),
        panel_public_key=key.with_suffix(".pub").read_text(),
        panel_source_networks=(state.subnet,),
        roles=node.roles,
        hostname=node.hostname,
        progress=print,
    )
    record_enrolment(
        SYSTEM,
        name="mail1",
        address=node.address,
        ssh_port=node.ssh_port,
        hostname=node.hostname,
        roles=list(node.roles),
        host_key=f"{host_key.type} {host_key.base64}",
        fingerprint=host_key.fingerprint,
        certificate=enrolled.certificate_pem,
        agent_version=enrolled.agent_version,
        release=enrolled.release,
        versions=enrolled.services,
    )
