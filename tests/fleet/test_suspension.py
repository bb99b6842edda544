"""A suspension, whole: planned, told of, carried out on a real node by a worker's chore, taken back."""

from __future__ import annotations

import email
import imaplib
import re
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from email.policy import default
from typing import Any

import pytest

from panel.cli.running import RunningPanel
from provisioning.lab.processes import WORKER, start
from tests.bench.api import Api
from tests.contract.mail_doors import AS_EVER, Row, ask_doors, table
from tests.fleet.test_walk import PASSWORD, WAIT, Fleet

REASON, CONTACT, NOTICE = "Zaległe opłaty", "biuro@wokiss.pl", "Zalegle oplaty - biuro@wokiss.pl"
SECONDS = 90.0


def test_a_step_is_told_of_reaches_the_mailbox_on_its_day_and_is_undone_by_resuming(walk: Walk) -> None:
    assert_row(AS_EVER, walk.doors())
    before = walk.show()["wanted_generation"]
    with closing_socket(walk.fleet.open_imap()) as live, walk.hurried_worker():
        live.login(walk.address, PASSWORD)
        walk.plan("no_login", days=30)
        walk.move_step(days=7)
        told = walk.await_mail("zostaną ograniczone")
        assert (REASON in told, CONTACT in told) == (True, True)
        assert_row(AS_EVER, walk.doors())
        walk.move_step(days=0)
        await_that(lambda: walk.show()["wanted_generation"] > before)
        await_that(lambda: has_ended(live))
    await_that(walk.is_settled)
    assert_row(table(NOTICE)["no_login"], walk.doors())
    walk.api.post(f"/contracts/{walk.contract['id']}/resume", {})
    await_that(walk.is_settled)
    assert_row(AS_EVER, walk.doors())
    assert walk.show()["login"] == "open"


class Walk:
    """A member with a contract, a mailbox and an alias, and a person of the member's who reads elsewhere."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.panel, self.api = fleet, fleet.panel, fleet.api
        self.reader = fleet.new("czyta", password=PASSWORD)["address"]
        slug = f"zawieszona-{uuid.uuid4().hex[:8]}"
        member = self.api.post("/members", {"name": slug, "kind": "other", "slug": slug})
        self.contract = self._sign(slug, member["id"])
        self._make_person(slug)
        self.alias, self.address = f"a.{slug}@info.wokiss.pl", f"b.{slug}@info.wokiss.pl"
        asked = {"member_id": member["id"], "address": self.alias, "password": PASSWORD}
        self._box = self.api.post("/mailboxes", asked, wait=WAIT)["id"]
        self.api.post(f"/mailboxes/{self._box}/rename", {"address": self.address}, wait=WAIT)

    def plan(self, level: str, *, days: int) -> None:
        """Plan that the contract is suspended in so many days."""
        step = {"level": level, "takes_on": (_today() + timedelta(days=days)).isoformat()}
        asked = {"steps": [step], "reason": REASON, "contact": CONTACT}
        self.api.post(f"/contracts/{self.contract['id']}/steps", asked)

    def move_step(self, *, days: int) -> None:
        """Have the step's day come: in the row, as no clock is moved."""
        file = self.panel.root / self.panel.data_dir / "panel.sqlite"
        with closing(sqlite3.connect(file, timeout=30)) as database, database:
            moved = database.execute(
                "UPDATE contract_steps SET takes_on = date('now', ?) WHERE contract_id = ?",
                (f"{days} days", uuid.UUID(self.contract["id"]).hex),
            )
            assert moved.rowcount == 1

    def doors(self) -> Row:
        """What the node answers about the mailbox."""
        return ask_doors(self._run, self.address, self.alias, PASSWORD)

    def show(self) -> dict[str, Any]:
        """The mailbox as the panel shows it."""
        return self.api.get(f"/mailboxes/{self._box}")

    def is_settled(self) -> bool:
        """Whether the node has what is wanted, and it was seen."""
        box = self.show()
        return bool(box["state"] == "active" and box["applied_generation"] == box["wanted_generation"])

    def await_mail(self, word: str) -> str:
        """The text of the newest message about the contract with ``word`` in it, which the person reads."""
        found: list[str] = []
        with self.fleet.signed_in(self.reader) as session:

            def look() -> bool:
                session.noop()
                for number in session.search(None, "ALL")[1][0].split():
                    answer = session.fetch(number.decode(), "(BODY.PEEK[])")[1][0]
                    assert isinstance(answer, tuple)
                    text = email.message_from_bytes(answer[1], policy=default)
                    if word in text["Subject"] and self.contract["number"] in text["Subject"]:
                        found.append(text.get_content())
                return bool(found)

            await_that(look)
        return found[-1]

    @contextmanager
    def hurried_worker(self) -> Iterator[None]:
        """A second worker, which does its chores every second."""
        name, argv = "hurried", [".venv/bin/python", "-m", "panel.cli", "worker"]
        environment = self.panel.environment() | {"CIS_SWEEP_SECONDS": "1"}
        log = self.panel.logs / f"{name}.log"
        worker = start(argv, environment, log, name, root=self.panel.root, user=WORKER)
        try:
            yield
        finally:
            worker.stop()

    def _sign(self, number: str, member_id: str) -> dict[str, Any]:
        dates = {"signed_on": -40, "starts_on": -30, "ends_on": 300}
        items = [{"service": "EMAIL", "quantity": 10, "unit_price": "10.00"}]
        asked = {name: (_today() + timedelta(days=days)).isoformat() for name, days in dates.items()}
        return self.api.post("/contracts", {"number": number, "member_id": member_id, "items": items, **asked})

    def _make_person(self, slug: str) -> None:
        argv = [str(self.panel.root / ".venv/bin/python"), "-m", "panel.cli", "users", "create", self.reader]
        argv += ["--role", "member_editor", "--member", slug, "--password-stdin"]
        environment = self.panel.environment() | {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        subprocess.run(argv, input=f"{PASSWORD} {slug}\n", text=True, check=True, timeout=120, cwd=self.panel.root,
                       env=environment, stdout=subprocess.DEVNULL)  # fmt: skip

    def _run(self, *argv: str) -> str:
        done = self.panel.lab.exec("mail1", list(argv))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


def assert_row(row: Row, found: Row) -> None:
    """Each answer must hold what the table says."""
    assert all(re.search(wanted, answer) for wanted, answer in zip(row, found, strict=True)), found


def await_that(what: Callable[[], bool]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def has_ended(session: imaplib.IMAP4_SSL) -> bool:
    """Whether the server has thrown the holder out."""
    try:
        session.noop()
    except (imaplib.IMAP4.error, OSError):
        return True
    return False


@contextmanager
def closing_socket(session: imaplib.IMAP4_SSL) -> Iterator[imaplib.IMAP4_SSL]:
    """A session that the server may have ended by itself."""
    try:
        yield session
    finally:
        session.shutdown()


def _today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def walk(running_panel: RunningPanel) -> Iterator[Walk]:
    with closing(Api(running_panel.facts["panel_url"], running_panel.facts["api_token"])) as api:
        (member,) = api.get("/members?search=miasto-koscian")["items"]
        yield Walk(Fleet(running_panel, api, member["id"], running_panel.facts["nodes"][0]["ip"]))
