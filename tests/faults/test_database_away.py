"""The panel's database is locked, full or gone amid a batch: everybody lives, and the work goes on after."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from config import Settings
from panel.app import create_panel_app
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.mail.actions import create_mailbox
from tests import servers
from tests.faults import impatience
from tests.faults.host import Host
from tests.faults.installation import LEASE_SECONDS, Installation, installed
from tests.faults.wanted import Box, assert_jobs_ended, assert_so
from tests.faults.workers import Workers

SIGN_IN = "/login"
PASSWORD = "Zażółć gęślą jaźń 7"
ROOM_OF_BEFORE = 200
AWAY_SECONDS = LEASE_SECONDS + 1.0
"""Longer than a lease, and so than what is done by the clock: heartbeats, sweeps, chores."""


def test_locked_by_another_process(impatient: None, panel: Installation) -> None:
    _survived(panel, lambda: _locked(panel.folder / "panel.sqlite"), ready=200)


def test_no_room_for_it(small: Installation) -> None:
    _survived(small, lambda: _full(small.folder), ready=200)


def test_its_server_is_stopped(faulty_host: Host, processes: Workers, tmp_path: Path) -> None:
    with (
        servers.postgresql() as cluster,
        ExitStack() as late,
        cluster.database() as name,
        installed(tmp_path, faulty_host, processes, database_url=cluster.url(name)) as panel,
    ):
        _survived(panel, lambda: _stopped(cluster.folder / "data", late), ready=503)


def _survived(panel: Installation, away: Callable[[], AbstractContextManager[None]], *, ready: int) -> None:
    """Take the database away while the agent is at work; what it did meanwhile is known once it is back."""
    worker = panel.start_worker()
    boxes = [_new_in_the_end(panel, "before")]
    panel.settle()
    panel.host.at("commit", "wait")
    boxes.append(_new_in_the_end(panel, "meanwhile"))
    panel.host.await_waiting()
    web = create_panel_app(Settings.from_environment(panel.environment)).test_client()
    assert web.get("/healthz").status_code == 200
    db.session.remove()
    db.engine.dispose()
    with away():
        panel.host.go_on()
        time.sleep(AWAY_SECONDS)
        assert worker.state() not in ("", "Z"), worker.log.read_text()
        boxes += _until_refused(panel)
        _assert_pages_say_so(web, ready=ready)
    boxes.append(_new_in_the_end(panel, "after"))
    panel.settle()
    assert_so(panel, boxes)
    assert_jobs_ended(panel)
    assert [one.pid for one in panel.workers if one.state()] == [worker.pid]
    assert web.get(SIGN_IN).status_code == 200
    with web.application.app_context():
        db.engine.dispose()


def _until_refused(panel: Installation) -> list[Box]:
    """Ask for mailboxes until one is refused, as at once it is but where SQLite has room of before to use up."""
    made: list[Box] = []
    try:
        while len(made) < ROOM_OF_BEFORE:
            made += [_new(panel, f"room{len(made)}")]
    except OperationalError:
        return made
    finally:
        db.session.remove()
    pytest.fail("nothing was refused")


def _assert_pages_say_so(web: FlaskClient, *, ready: int) -> None:
    """Reading goes on where it can; where it cannot, whoever asks is told so in words."""
    assert web.get("/healthz").status_code == 200
    assert web.get("/readyz").status_code == ready
    page = web.get(SIGN_IN)
    assert page.status_code == 200 or (page.status_code == 503 and "Retry-After" in page.headers)
    assert "Traceback" not in page.text


def _new_in_the_end(panel: Installation, name: str) -> Box:
    """Ask for a mailbox again where the impatient met a worker that writes."""
    end = time.monotonic() + servers.START_SECONDS
    while True:
        try:
            return _new(panel, name)
        except OperationalError:
            assert time.monotonic() < end, panel.what_happened()
            db.session.remove()


def _new(panel: Installation, name: str) -> Box:
    address = f"{name}@{panel.domain}"
    made = create_mailbox(SYSTEM, member_id=panel.member_id, address=address, password=PASSWORD)
    return Box(made.mailbox.id, address, PASSWORD)


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def _full(folder: Path) -> Iterator[None]:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


@contextmanager
def _stopped(data: Path, late: ExitStack) -> Iterator[None]:
    """Stop PostgreSQL, and start it again as it was; ``late`` ends it."""
    number = data / "postmaster.pid"
    started_by = shlex.split((data / "postmaster.opts").read_text())
    os.kill(int(number.read_text().splitlines()[0]), signal.SIGINT)
    _await(lambda: not number.exists())
    yield
    late.enter_context(servers._server(data.parent, started_by))
    _await(lambda: number.exists() and "ready" in number.read_text())


def _await(question: Callable[[], bool]) -> None:
    end = time.monotonic() + servers.START_SECONDS
    while not question():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(impatience.VARIABLE, "300")


@pytest.fixture
def small(tmp_path: Path, faulty_host: Host, processes: Workers) -> Iterator[Installation]:
    """A panel whose data folder holds little."""
    folder = tmp_path / "small"
    folder.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=12M,mode=700", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, timeout=10)
    try:
        with installed(folder, faulty_host, processes) as panel:
            yield panel
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=10)
