"""Migrations keep what is in the database, up and down and up again, however many rows there are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import func, insert, inspect, select, text

from config import Settings
from panel.app import create_panel_app
from panel.kernel.access import SYSTEM
from panel.kernel.db import Base, db, new_id, unit_of_work, utcnow
from panel.ledger.events import Event, record_many
from panel.ledger.resources import complete_row
from panel.mail.finding import SQLITE, TABLES
from panel.mail.models import Mailbox, MailDomain
from panel.members.models import Member
from tests.worlds import enrolled_node

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
ROWS = 10_000
_FINDING = "SELECT sql FROM sqlite_master WHERE name LIKE 'mailbox!_%' ESCAPE '!'"
FILLED = (Member, Mailbox, Event)


def test_every_step_down_and_up_again_keeps_ten_thousand_rows(app: Flask) -> None:
    upgrade()
    _fill()
    before = {model.__tablename__: _digest(model) for model in FILLED}
    for revision in _revisions()[1:]:
        downgrade(revision=revision)
        assert {model.__tablename__: _count(model) for model in FILLED} == dict.fromkeys(before, ROWS), revision
    upgrade()
    assert {model.__tablename__: _digest(model) for model in FILLED} == before
    check()


def test_down_to_nothing_and_up_again_leads_to_the_models(app: Flask) -> None:
    upgrade()
    downgrade(revision="base")
    assert set(inspect(db.engine).get_table_names()) == {"alembic_version"}
    upgrade()
    check()
    modelled = {name for name in inspect(db.engine).get_table_names() if not name.startswith(TABLES)}
    assert modelled == {"alembic_version", *Base.metadata.tables}
    if db.engine.dialect.name == "sqlite":
        assert {row.sql for row in db.session.execute(text(_FINDING))} >= set(SQLITE)


def _revisions() -> list[str]:
    """All revisions, the newest first."""
    return [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]


def _fill() -> None:
    """Members with a mailbox each and an event each, none of their columns all the same."""
    node = enrolled_node("mail1")
    with unit_of_work():
        domain = MailDomain(id=new_id(), name="gmina.example", shared=True, node_id=node.id)
        db.session.add(domain)
        db.session.flush()
        same = {"kind": "municipality", "contacts": [{"name": "Żaneta"}]}
        members = [Member(id=new_id(), name=f"Gmina Łódź {n}", slug=f"m{n}", **same) for n in range(ROWS)]
        db.session.execute(insert(Member), [complete_row(member) for member in members])
        boxes = [
            Mailbox(
                id=new_id(),
                member_id=member.id,
                domain_id=domain.id,
                node_id=node.id,
                address=f"m{n}@gmina.example",
                quota_mb=n + 1,
                statutory=n % 2 == 0,
                seen_generation=n % 3,
                seen_at=utcnow() - timedelta(microseconds=n),
                problem_code=None if n % 5 else "daemon",
            )
            for n, member in enumerate(members)
        ]
        db.session.execute(insert(Mailbox), [complete_row(box) for box in boxes])
        there = db.session.scalar(select(func.count()).select_from(Event)) or 0  # no event can be taken away again
        rows = [{"tag": "a:b:c", "name": box.address, "data": {"n": box.quota_mb}} for box in boxes[there:]]
        record_many(SYSTEM, rows)


def _digest(model: type[Base]) -> str:
    """Everything in the model's table, as one value; but for schedules, which are made anew."""
    table = model.__table__
    kept = [column for column in table.c if column.name != "look_at"]
    db.session.remove()
    digest = hashlib.sha256()
    with db.engine.connect() as connection:
        for row in connection.execute(select(*kept).order_by(table.c.id)):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def _count(model: type[Base]) -> int:
    with db.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def app(tmp_path: Path, empty_database_url: str) -> Iterator[Flask]:
    app = create_panel_app(
        Settings(
            env="lab", data_dir=tmp_path, database_url=empty_database_url, secret_key="of tests", secure_cookies=False
        )
    )
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
