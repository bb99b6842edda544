"""Backups: begun as tasks, looked after by a chore, made each night; mail brought back by whoever may."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from panel.engine import backups as engine_backups
from panel.engine.backups import backup_keeper, run_backup, run_mail_restore, run_store_restore
from panel.engine.conditions import conditions
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger import backups
from panel.ledger.backups import RESTORE, RESTORE_STORE, RUN, BackupPlace, MailRestore, NodeBackup
from panel.ledger.jobs import Job, get_job
from panel.mail.actions import create_mailbox, remove_mailbox
from panel.mail.restoring import restore_mail
from provisioning.ssh import Unreachable
from tests.engine.fakes import FakeAgent
from tests.engine.workers import Engine
from tests.worlds import World, actor

SNAPSHOT = "5" * 64


class Runs:
    """The background of a fake node: what was begun, and how it ends."""

    def __init__(self, agent: FakeAgent) -> None:
        self.begun: list[dict[str, Any]] = []
        self.ends: dict[str, Any] = {"state": "done", "bytes": 4000, "files": 12, "messages": 3, "message": "",
                                     "snapshot": SNAPSHOT}  # fmt: skip
        self.refusal = ""
        for op in ("backup", "restore_mail", "restore_store"):
            agent.answers[op] = self._begin
        agent.answers["backup_status"] = self._status

    def _begin(self, message: dict[str, Any]) -> dict[str, Any]:
        self.begun += [] if self.refusal else [message]
        return {"started": not self.refusal, "code": self.refusal, "message": ""}

    def _status(self, _message: dict[str, Any]) -> dict[str, Any]:
        status: dict[str, Any] = {"backup": {}, "restore": {}}
        for message in self.begun:
            status["backup" if message["op"] == "backup" else "restore"] = {"run": message["run"], **self.ends}
        return status


def test_a_backup_is_begun_under_the_lease_and_recorded(world: World, runs: Runs, engine: Engine) -> None:
    job = _asked(world)
    engine.ring()

    row = _backup(job)
    assert (row.state, row.snapshot, row.bytes, row.files) == ("done", SNAPSHOT, 4000, 12)
    assert get_job(SYSTEM, job).state == "done"
    assert runs.begun[0]["fence"] >= 1
    assert runs.begun[0]["run"] == str(job)


def test_two_who_ask_get_one_backup(world: World, runs: Runs) -> None:
    assert _asked(world) == _asked(world)


@pytest.mark.one_database
def test_a_node_without_a_place_is_not_asked(world: World) -> None:
    with pytest.raises(Conflict, match="backup_not_set_up"):
        backups.request_backup(SYSTEM, world.node.id)


@pytest.mark.one_database
def test_a_backup_that_fails_fails_its_job_in_the_nodes_words(world: World, runs: Runs, engine: Engine) -> None:
    runs.ends = {"state": "failed", "code": "repository", "message": "connection refused"}
    job = _asked(world)
    engine.ring()

    assert (_backup(job).state, _backup(job).message) == ("failed", "connection refused")
    ended = get_job(SYSTEM, job)
    assert (ended.state, ended.log[-1]["text"]) == ("failed", "backup_repository")


@pytest.mark.one_database
def test_a_busy_node_begins_nothing(world: World, runs: Runs, engine: Engine) -> None:
    runs.refusal = "running"
    job = _asked(world)
    engine.ring()

    assert (get_job(SYSTEM, job).state, _backup(job).code) == ("failed", "backup_running")


def test_a_long_backup_leaves_the_node_free_and_is_noticed_later(
    world: World, runs: Runs, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_backups, "PATIENCE_SECONDS", 0.0)
    done, runs.ends = runs.ends, {"state": "running"}
    job = _asked(world)
    engine.ring()
    keep = backup_keeper(engine.exchange)
    keep(SYSTEM)
    assert (get_job(SYSTEM, job).state, _backup(job).state) == ("done", "running")

    runs.ends = done
    keep(SYSTEM)
    assert _backup(job).state == "done"


@pytest.mark.one_database
def test_a_node_that_was_away_is_asked_again_and_does_it_once(world: World, runs: Runs, engine: Engine) -> None:
    engine.agent.before = [Unreachable("away")]
    job = _asked(world)
    engine.ring()
    assert get_job(SYSTEM, job).state == "queued"
    with unit_of_work():
        db.session.execute(update(Job).values(retry_at=None))
    engine.ring()

    assert _backup(job).state == "done"
    assert len({message["run"] for message in runs.begun}) == 1


def test_a_run_nobody_knows_of_is_given_up(world: World, runs: Runs, engine: Engine) -> None:
    job = _asked(world)
    with unit_of_work():
        db.session.execute(update(Job).values(state="done"))
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        db.session.add(NodeBackup(id=job, node_id=world.node.id, at=long_ago))
        db.session.execute(update(BackupPlace).values(since=long_ago))
    backup_keeper(engine.exchange)(SYSTEM)

    assert (_backup(job).state, _backup(job).code) == ("failed", "backup_lost")


def test_each_night_one_backup_is_asked_for(world: World, runs: Runs, engine: Engine) -> None:
    _place(world)
    keep = backup_keeper(engine.exchange)
    keep(SYSTEM)
    keep(SYSTEM)
    assert _runs_asked_for() == 1
    engine.ring()
    keep(SYSTEM)
    assert _runs_asked_for() == 1

    with unit_of_work():
        db.session.execute(update(NodeBackup).values(at=datetime.now(UTC) - timedelta(hours=25)))
    keep(SYSTEM)
    assert _runs_asked_for() == 2


def test_a_backup_older_than_26_hours_is_an_alarm(world: World, runs: Runs, engine: Engine) -> None:
    _asked(world)
    engine.ring()
    assert "backup_old" not in {one.code for one in conditions()}
    with unit_of_work():
        db.session.execute(update(NodeBackup).values(at=datetime.now(UTC) - timedelta(hours=27)))

    assert "backup_old" in {one.code for one in conditions()}


def test_mail_comes_back_as_of_a_day_into_a_folder_of_that_name(world: World, runs: Runs, engine: Engine) -> None:
    box = _box(world)
    _done(world, at=datetime(2026, 11, 20, 2, tzinfo=UTC), snapshot="1" * 64)
    _done(world, at=datetime(2026, 11, 21, 22, 59, tzinfo=UTC), snapshot="2" * 64)
    _done(world, at=datetime(2026, 11, 21, 23, 1, tzinfo=UTC), snapshot="3" * 64)
    engine.ring()

    job = restore_mail(world.member_admin(world.koscian), box, as_of=date(2026, 11, 21), folder="Wysłane")
    engine.ring()

    sent = runs.begun[-1]
    assert (sent["op"], sent["mailbox_id"], sent["snapshot"]) == ("restore_mail", str(box), "2" * 64)
    assert (sent["folder"], sent["into"]) == ("Wysłane", "Odtworzone 2026-11-21")
    row = _restore(job.id)
    assert (row.state, row.messages, row.member_id) == ("done", 3, world.koscian.id)


@pytest.mark.one_database
def test_mail_of_others_stays_theirs(world: World) -> None:
    box = _box(world)
    _done(world)
    with pytest.raises(NotFound):
        restore_mail(world.member_admin(world.smigiel), box)
    with pytest.raises(NotAllowed):
        restore_mail(actor("member_editor", world.koscian), box)
    with pytest.raises(NotAllowed):
        restore_mail(actor("auditor"), box)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"folder": "../etc"}, "folder_bad"), ({"into": "-u root"}, "folder_bad"), ({"into": "a/b"}, "folder_bad")],
)
def test_folders_have_plain_names(world: World, change: dict[str, Any], code: str) -> None:
    box = _box(world)
    _done(world)
    with pytest.raises(Invalid, match="folder_bad"):
        restore_mail(SYSTEM, box, **change)


@pytest.mark.one_database
def test_where_no_backup_is_old_enough_it_is_said(world: World) -> None:
    box = _box(world)
    _done(world, at=datetime(2026, 11, 20, tzinfo=UTC))
    with pytest.raises(Conflict, match="no_backup"):
        restore_mail(SYSTEM, box, as_of=date(2026, 11, 1))
    assert restore_mail(SYSTEM, box, as_of=date.max).state == "queued"


@pytest.mark.one_database
def test_a_removed_mailbox_gets_no_mail_back(world: World) -> None:
    box = _box(world)
    _done(world)
    remove_mailbox(SYSTEM, box)
    with pytest.raises(Conflict, match="removed"):
        restore_mail(SYSTEM, box)


def test_a_whole_store_is_asked_back_from_a_backup_of_that_node(world: World, runs: Runs, engine: Engine) -> None:
    backup = _done(world, snapshot="7" * 64)
    job = backups.request_store_restore(SYSTEM, world.node.id, backup_id=backup)
    engine.ring()

    assert (runs.begun[-1]["op"], runs.begun[-1]["snapshot"]) == ("restore_store", "7" * 64)
    assert _restore(job.id).state == "done"
    with pytest.raises(NotFound):
        backups.request_store_restore(SYSTEM, world.node.id, backup_id=uuid.uuid4())


@pytest.fixture
def engine(world: World) -> Engine:
    engine = Engine(world)
    engine.tasks |= {RUN: run_backup, RESTORE: run_mail_restore, RESTORE_STORE: run_store_restore}
    return engine


@pytest.fixture
def runs(engine: Engine) -> Runs:
    return Runs(engine.agent)


def _place(world: World) -> None:
    backups.record_place(SYSTEM, world.node.id, place="sftp://cis@backup1/mail1")


def _asked(world: World) -> uuid.UUID:
    _place(world)
    return backups.request_backup(SYSTEM, world.node.id).id


def _runs_asked_for() -> int:
    with db.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(Job.cause == RUN)) or 0


def _done(world: World, *, at: datetime | None = None, snapshot: str = SNAPSHOT) -> uuid.UUID:
    with unit_of_work():
        row = NodeBackup(node_id=world.node.id, at=at or datetime.now(UTC), state="done", snapshot=snapshot)
        db.session.add(row)
    return row.id


def _box(world: World) -> uuid.UUID:
    return create_mailbox(SYSTEM, member_id=world.koscian.id, address="anna@info.wokiss.pl").mailbox.id


def _backup(job: uuid.UUID) -> Any:
    return db.session.get(NodeBackup, job, populate_existing=True)


def _restore(job: uuid.UUID) -> Any:
    return db.session.get(MailRestore, job, populate_existing=True)
