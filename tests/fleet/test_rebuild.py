"""A mail node is lost with its disks; an empty host under its name gets everything, and its mail from the backup."""

from __future__ import annotations

import imaplib
import re
import ssl
import time
import uuid
from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from config import Settings
from panel.cli import cis
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kinds import KINDS
from panel.ledger.backups import MailRestore, NodeBackup
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.mail.actions import NewMailbox, create_mailboxes, remove_mailbox, restore_mailbox
from panel.mail.domains import ensure_shared_domain
from panel.mail.models import Mailbox
from panel.members.actions import create_member
from panel.wiring import create_core_app
from provisioning.lab import Lab, NodeState
from provisioning.ssh import scan_host_key
from tests.backups import FLEET, BackupHost
from tests.faults.workers import WorkerProcess, Workers, starting_workers
from tests.nodes import free_lab_name
from tests.worlds import SHARED, grant

BOXES = 300
SECONDS = 300.0
PASSWORD = "łąka i stół 2026"
PLACE = "sftp://cis-backup@backup1.lab.test/mail1"


@dataclass
class Place:
    """A panel with one mail node and a backup host, and the operator at its terminal."""

    lab: Lab
    environment: dict[str, str]
    worker: WorkerProcess
    backup_host: BackupHost

    @property
    def host(self) -> NodeState:
        return self.lab.state().nodes["mail1"]

    @property
    def node(self) -> Node:
        db.session.commit()
        return db.session.scalars(select(Node).execution_options(populate_existing=True)).one()

    def cis(self, *arguments: str, given: str | None = None, operator: bool = True) -> Result:
        key = ("--operator-key", str(self.lab.operator_key)) if operator else ()
        return Context().run(
            CliRunner(env=self.environment | {"LC_ALL": "en"}).invoke, cis, ["nodes", *arguments, *key], input=given
        )

    def well(self, *arguments: str, given: str | None = None, operator: bool = True) -> str:
        done = self.cis(*arguments, given=given, operator=operator)
        assert done.exit_code == 0, done.output
        return done.output

    def set_up_backups(self, password: Path | None = None) -> str:
        """Let the node's key in on the backup host between the two looks at what the command shows."""
        secret = () if password is None else ("--password-file", str(password))
        shown = self.cis("backup-setup", "mail1", "--repository", PLACE, *secret, given="n\n").output
        found = re.search(r"restrict (ssh-ed25519 \S+ \S+)", shown)
        assert found, shown
        self.backup_host.let_in(found[1])
        return self.well("backup-setup", "mail1", "--repository", PLACE, *secret, given="y\n")

    def work(self) -> None:
        """Wait until workers have done everything, also what went on in the node's background."""
        end = time.monotonic() + SECONDS
        while not self._is_settled():
            assert time.monotonic() < end, (
                f"{self.states()} {self.node.problem_code} {self.worker.log.read_text()[-2000:]}"
            )
            time.sleep(0.1)

    def _is_settled(self) -> bool:
        db.session.commit()
        open_jobs = select(Job.id).where(Job.state.in_(("queued", "running")))
        runs = (select(model.id).where(model.state == "running") for model in (NodeBackup, MailRestore))
        late = (select(kind.model.id).where(kind.model.retry_at.is_not(None)) for kind in KINDS)
        silent = select(Node.id).where(Node.problem_code.is_not(None))
        return not any(db.session.scalars(query.limit(1)).all() for query in (open_jobs, *runs, *late, silent))

    def deliver(self, address: str, subject: str) -> None:
        argv = ["/usr/lib/dovecot/dovecot-lda", "-d", address]
        done = self.lab.exec("mail1", argv, stdin=f"Subject: {subject}\nFrom: b@x.test\n\ntext\n".encode())
        assert done.returncode == 0, done.stderr

    def subjects(self, address: str) -> set[str]:
        """What the holder reads in the inbox, signed in with the password."""
        context = ssl.create_default_context(cadata=self.node.certificate)
        context.check_hostname = False
        with imaplib.IMAP4_SSL(self.host.address, ssl_context=context) as session:
            session.authenticate("PLAIN", lambda _: f"\0{address}\0{PASSWORD}".encode())
            session.select("INBOX", readonly=True)
            found = session.search(None, "ALL")[1][0].split()
            heads = [session.fetch(number, "(BODY[HEADER.FIELDS (SUBJECT)])")[1][0] for number in found]
        return {head[1].decode().strip().removeprefix("Subject: ") for head in heads if isinstance(head, tuple)}

    def states(self) -> dict[str, int]:
        db.session.commit()
        rows = db.session.execute(select(Mailbox.state, func.count()).group_by(Mailbox.state))
        return {row[0]: row[1] for row in rows}


def test_a_lost_node_comes_back_with_its_mail(place: Place, tmp_path: Path) -> None:
    boxes = _people(place)
    anna, removed = f"osoba-0@{SHARED}", f"osoba-1@{SHARED}"
    place.work()
    assert place.states() == {"active": BOXES}
    place.deliver(anna, "before the backup")
    place.deliver(removed, "of one who was removed")
    safe = tmp_path / "safe"
    safe.write_text(place.set_up_backups().rpartition("shown this once: ")[2])
    place.well("backup", "mail1", operator=False)
    place.work()
    # A worker may have begun the day's own one just before: two at once are one that is done and one that is refused.
    assert "done" in db.session.scalars(select(NodeBackup.state)).all(), place.worker.log.read_text()[-2000:]
    remove_mailbox(SYSTEM, boxes[1])
    place.work()
    before = place.node.host_key

    place.lab.replace("mail1")
    refused = place.cis("rebuild", "mail1", "--yes-fingerprint", "SHA256:" + "A" * 43)
    assert refused.exit_code == 1
    assert place.node.host_key == before
    shown = scan_host_key(place.host.address, 22).fingerprint
    told = place.well("rebuild", "mail1", "--yes-fingerprint", shown)
    assert f"{BOXES} resources are made on it again" in told
    assert "restore-mail-store mail1" in told
    place.work()
    assert place.states() == {"active": BOXES - 1, "removed": 1}
    assert place.node.problem_code is None
    assert place.subjects(anna) == set()
    place.deliver(anna, "after the rebuild")

    assert "shown this once" not in place.set_up_backups(safe)
    place.well("restore-mail-store", "mail1", operator=False)
    place.work()
    done = db.session.scalars(select(MailRestore)).one()
    assert (done.state, done.message) == ("done", "")
    assert place.subjects(anna) == {"before the backup", "after the rebuild"}

    restore_mailbox(SYSTEM, boxes[1])
    place.work()
    assert place.subjects(removed) == {"of one who was removed"}


def _people(place: Place) -> list[uuid.UUID]:
    member = create_member(SYSTEM, name="Kościan", kind="municipality", slug="miasto-koscian", teryt="301101")
    grant(member, mailboxes=1000, mailbox_mb=1_024_000)
    wanted = [
        NewMailbox(member_id=member.id, address=f"osoba-{number}@{SHARED}", password=PASSWORD if number < 2 else None)
        for number in range(BOXES)
    ]
    return [change.mailbox.id for change in create_mailboxes(SYSTEM, wanted)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with free_lab_name(tmp_path, first="rebuild") as name, starting_workers() as workers:
        lab = Lab(tmp_path, name, fleet=FLEET, progress=print)
        lab.up()
        try:
            yield from _place(lab, tmp_path, workers)
        finally:
            lab.destroy()


def _place(lab: Lab, folder: Path, workers: Workers) -> Iterator[Place]:
    environment = {
        "CIS_ENV": "lab",
        "CIS_DATA_DIR": str(folder / "data"),
        "CIS_SECRET_KEY": "of tests",
        "CIS_SECURE_COOKIES": "0",
        "CIS_SWEEP_SECONDS": "1",
        "CIS_DRIFT_HOURS": "0",
    }
    app = create_core_app(Settings.from_environment(environment))
    with app.app_context():
        db.create_all()
        host = BackupHost(lab)
        place = Place(lab, environment, workers.start(environment, folder / "worker.log"), host)
        shown = scan_host_key(place.host.address, 22).fingerprint
        where = ("--address", place.host.address, "--hostname", place.host.hostname, "--roles", "mail")
        place.well("enroll", "mail1", *where, "--yes-fingerprint", shown)
        ensure_shared_domain(SYSTEM, SHARED)
        try:
            yield place
        finally:
            place.worker.kill()
            db.session.remove()
            db.engine.dispose()
