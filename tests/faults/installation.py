"""A panel over a real node: its database, its workers as processes, and what a test does and finds there."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Select, Update, or_, select, update
from sqlalchemy.exc import OperationalError

import panel.cli.worker  # noqa: F401 - the tables of all that workers do
from config import Settings
from panel.engine.approval import approve_plan, waiting_plan
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id, unit_of_work
from panel.kernel.errors import Conflict
from panel.kinds import KINDS
from panel.ledger.jobs import Job, ring
from panel.ledger.nodes import Node, record_enrolment
from panel.mail.domains import ensure_shared_domain
from panel.mail.models import Mailbox
from panel.members.models import Member
from panel.wiring import create_core_app
from tests.faults import impatience
from tests.faults.host import Host
from tests.faults.workers import WorkerProcess, Workers
from tests.worlds import grant

SECONDS = 180.0
LEASE_SECONDS = 3
HURRY_SECONDS = 0.3
ASK_SECONDS = 0.05
PAST = datetime(2020, 1, 1, tzinfo=UTC)
TIMES = ("retry_at", "look_at", "seen_at", "lease_expires_at", "last_seen_at", "looks_at", "health_at", "queued_at",
         "started_at", "drift_checked_at")  # fmt: skip
"""What is kept by the database's clock and compared with it."""
TABLES: tuple[Any, ...] = (Job, *(kind.model for kind in KINDS))


@dataclass
class Installation:
    """One panel. ``environment``: the settings of its workers."""

    folder: Path
    host: Host
    app: Flask
    environment: dict[str, str]
    processes: Workers
    node_id: uuid.UUID
    member_id: uuid.UUID
    domain: str
    workers: list[WorkerProcess] = field(default_factory=list)

    def start_worker(self, **settings: str) -> WorkerProcess:
        """Start one more worker."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        ours = {name: os.environ[name] for name in (impatience.VARIABLE,) if name in os.environ}
        worker = self.processes.start(self.environment | ours | settings, log)
        self.workers.append(worker)
        return worker

    def at(self, point: str, deed: str) -> None:
        """Have the next worker that comes to ``point`` *kill* or *stop* itself."""
        draft = self.folder / "fault.new"
        draft.write_text(f"{point} {deed}")
        draft.replace(self.folder / "fault")

    def fault_happened(self) -> bool:
        """Whether a worker came to the point that ``at`` named."""
        return not (self.folder / "fault").exists()

    def no_more_faults(self) -> None:
        """Have workers pass all points."""
        (self.folder / "fault").unlink(missing_ok=True)

    def settle(self, *, seconds: float = SECONDS, hurry: bool = True, always_a_worker: bool = False) -> None:
        """Wait until nothing is left to do; ``hurry`` has the time of retries come, so that nobody waits for them.

        ``always_a_worker``: start one where none is left, continue one that stopped: it may be about to just now.
        """
        end = time.monotonic() + seconds
        hurried = 0.0
        while not self.is_settled():
            assert time.monotonic() < end, self.what_happened()
            if always_a_worker:
                self._have_a_worker()
            if hurry and time.monotonic() > hurried + HURRY_SECONDS:
                with suppress(OperationalError):  # impatient tests meet a worker that writes
                    self.hurry()
                hurried = time.monotonic()
            time.sleep(0.02)

    def _have_a_worker(self) -> None:
        states = [worker.state() for worker in self.workers]
        for worker in (worker for worker, state in zip(self.workers, states, strict=True) if state == "T"):
            worker.signal(signal.SIGCONT)
        if not any(states):
            self.start_worker()

    def is_settled(self) -> bool:
        """Whether no job is open, and every resource is as wanted or waits for a person."""
        db.session.rollback()
        jobs = select(Job.id).where(Job.state.in_(("queued", "running")))
        if db.session.scalars(jobs.limit(1)).first() is not None:
            return False
        return not any(db.session.scalars(_unsettled(kind.model)).first() for kind in KINDS)

    def approve_what_waits(self) -> None:
        """Have somebody approve the plan that waits, if one does: other stories may have left much on the node."""
        plan = waiting_plan(SYSTEM, self.node_id)
        if plan is not None:
            with suppress(Conflict):  # a worker has just made it anew; the next time it is approved
                approve_plan(SYSTEM, self.node_id, digest=plan.digest)

    def hurry(self) -> None:
        """Have the time of every retry come, and the end of leases whose holders are dead."""
        with unit_of_work():
            for model in TABLES:
                _set(update(model).where(model.retry_at.is_not(None)).values(retry_at=PAST))
        self.approve_what_waits()
        self.expire_dead_leases()
        ring(self.node_id)

    def expire_dead_leases(self) -> None:
        """Have the lease of a worker that was killed come to its end at once."""
        with unit_of_work():
            owner = db.session.scalar(select(Node.lease_owner))
            if owner and not Path("/proc", owner.split(":")[1]).exists():
                _set(update(Node).where(Node.lease_owner == owner).values(lease_expires_at=PAST))

    def await_true(self, question: Callable[[], bool], *, seconds: float = SECONDS, every: float = ASK_SECONDS) -> None:
        """Ask again and again until the answer is yes."""
        end = time.monotonic() + seconds
        while not question():
            assert time.monotonic() < end, self.what_happened()
            time.sleep(every)

    def look_now(self) -> None:
        """Have the time come at which what is active is looked at again."""
        with unit_of_work():
            for model in TABLES[1:]:
                _set(update(model).where(model.look_at.is_not(None)).values(look_at=PAST))
            _set(update(Node).values(looks_at=None))

    def jump(self, *, days: int) -> None:
        """Have the database's clock jump: all that is kept by it moves the other way."""
        with unit_of_work():
            for model in (Node, *TABLES):
                for row in db.session.scalars(select(model).execution_options(populate_existing=True)).unique():
                    for name in TIMES:
                        if (value := getattr(row, name, None)) is not None:
                            setattr(row, name, value - timedelta(days=days))

    def boxes(self) -> dict[uuid.UUID, Mailbox]:
        """All mailboxes on record."""
        db.session.rollback()
        rows = db.session.scalars(select(Mailbox).execution_options(populate_existing=True)).unique()
        return {box.id: box for box in rows}

    def jobs(self) -> list[Job]:
        """All jobs on record, the oldest first."""
        db.session.rollback()
        return list(db.session.scalars(select(Job).order_by(Job.id).execution_options(populate_existing=True)))

    def node(self) -> Node:
        """The node on record."""
        db.session.rollback()
        return db.session.get_one(Node, self.node_id, populate_existing=True)

    def what_happened(self) -> str:
        """What to read when a test fails: jobs, resources that are not well, workers' last words."""
        rows = [f"{job.cause} {job.state} retry={job.retry_at} {job.log[-3:]}" for job in self.jobs()[-12:]]
        for kind in KINDS:
            rows += [
                f"{kind.name_of(row)} {row.state} {row.want} w{row.wanted_generation} a{row.applied_generation}"
                f" s{row.seen_generation} {row.problem_code} {row.problem_message} retry={row.retry_at}"
                for row in db.session.scalars(_unsettled(kind.model)).unique()
            ]
        node = self.node()
        rows.append(f"node lease={node.lease_owner} until {node.lease_expires_at} {node.problem_code}")
        rows += [
            f"{one.log.name} ({one.state()}): {one.log.read_text()[-1500:]}" for one in self.workers if one.log.exists()
        ]
        rows.append(self.host.last_words())
        return "\n".join(rows)


@contextmanager
def installed(
    folder: Path, host: Host, processes: Workers, *, database_url: str = "", **settings: str
) -> Iterator[Installation]:
    """A panel with one member, one mail domain of its own and the node on record; its workers end with it."""
    environment = {
        "CIS_ENV": "lab",
        "CIS_DATA_DIR": str(folder),
        "CIS_DATABASE_URL": database_url,
        "CIS_SECRET_KEY": "of tests",
        "CIS_SECURE_COOKIES": "0",
        "CIS_PANEL_KEY": str(host.node.panel_key),
        "CIS_PROBE_SOURCE": host.node.panel_address,
        "CIS_SWEEP_SECONDS": "1",
        "CIS_LEASE_SECONDS": str(LEASE_SECONDS),
        "CIS_DRIFT_HOURS": "0",
        **settings,
    }
    app = create_core_app(Settings.from_environment(environment))
    with app.app_context():
        db.create_all()
        node = _record_node(host)
        domain = ensure_shared_domain(SYSTEM, f"d{uuid.uuid4().hex[:8]}.test")
        member = _member()
        panel = Installation(folder, host, app, environment, processes, node.id, member.id, domain.name)
        try:
            yield panel
        finally:
            for worker in panel.workers:
                worker.kill()
            db.session.remove()
            db.engine.dispose()


def _record_node(host: Host) -> Node:
    node = host.node
    return record_enrolment(
        SYSTEM,
        name=node.state.name,
        address=node.state.address,
        ssh_port=node.state.ssh_port,
        hostname=node.state.hostname,
        roles=["mail"],
        host_key=f"{node.host_key.type} {node.host_key.base64}",
        fingerprint=node.host_key.fingerprint,
        certificate=node.enrolled.certificate_pem,
        agent_version=node.enrolled.agent_version,
        release=node.enrolled.release,
        versions=node.enrolled.services,
        fence=host.fence(),
    )


def _member() -> Member:
    with unit_of_work():
        member = Member(id=new_id(), name="Kościan", kind="municipality", slug="miasto-koscian", teryt="301101")
        db.session.add(member)
    grant(member, mailboxes=20_000, mailbox_mb=20_480_000)
    return member


def _set(statement: Update) -> None:
    db.session.execute(statement, execution_options={"synchronize_session": False})


def _unsettled(model: Any) -> Select[Any]:
    """Rows not yet seen as wanted that do not wait for a person."""
    waits = or_(model.problem_code.is_(None), model.retry_at.is_not(None))
    return select(model).where(model.seen_generation < model.wanted_generation, waits)
