"""What breaks with a secret at hand says what broke and not with what: in logs, in jobs, in what is kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import JSON, String, cast, insert, select
from sqlalchemy.exc import IntegrityError

from panel.kernel.access import SYSTEM
from panel.kernel.db import Base, db, new_id
from panel.ledger.jobs import Job
from panel.mail.actions import create_mailbox
from panel.mail.looking import MailLook
from panel.mail.models import Mailbox
from provisioning.probes.findings import Finding, Seen
from tests.engine.workers import Engine
from tests.worlds import SHARED, World, small_world

CANARY = "Kanarek-4be27c1f"


def test_a_row_that_the_database_refuses_is_not_written_down(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """PostgreSQL tells whole rows in the details of its errors; what goes to a log tells none."""
    row = insert(Mailbox).values(id=new_id(), address=CANARY, password_hash=CANARY, want=None)
    with pytest.raises(IntegrityError) as refused:
        db.session.execute(row)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("cis.worker").error("a run failed", exc_info=refused.value)
    db.session.rollback()
    assert "a run failed" in caplog.text
    assert CANARY not in caplog.text + str(refused.value) + repr(refused.value) + repr(refused.value.orig)


def test_a_worker_that_dies_of_a_probe_or_a_session_leaves_no_secret(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The probe's login and token, and the hash of a new password, are at hand when each of the two breaks."""
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}", password=f"{CANARY} zażółć")
    engine, probe = Engine(world), BrokenProbe()
    engine.looker.prepare = lambda wanted, **_more: MailLook(probe, "192.0.2.1", wanted, 20)  # type: ignore[assignment,arg-type]  # a stand-in
    with caplog.at_level(logging.DEBUG):
        engine.ring()
        engine.agent.before.append(RuntimeError("the session broke"))
        engine.ring()
    assert probe.secrets, "a message was about to be sent"
    assert "RuntimeError" in caplog.text
    assert made.mailbox.password_hash is not None
    hashed = made.mailbox.password_hash
    assert any(hashed in str(request) for request in engine.agent.requests), "the node is told the hash"
    for secret in (CANARY, hashed, *probe.secrets):
        assert secret not in caplog.text
    for secret in (CANARY, *probe.secrets):
        assert _places_of(secret) == []
    assert hashed not in str(list(db.session.scalars(select(Job.log))))


class BrokenProbe:
    """Remembers the secrets that it is given, and breaks."""

    def __init__(self) -> None:
        self.secrets: list[str] = []

    def see_message(self, _address: str, *, token: str, master_secret: str, timeout: float) -> NoReturn:
        self.secrets += [token, master_secret]
        raise RuntimeError(f"broken within {timeout} s")

    def see_domains(self, names: list[str], **_more: Any) -> dict[str, Finding]:
        return {name: Seen("rcpt") for name in names}


def _places_of(text: str) -> list[str]:
    return [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, String | JSON)
        and db.session.execute(select(column).where(cast(column, String).contains(text)).limit(1)).first()
    ]


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with small_world(tmp_path, database_url=database_url) as world:
        yield world
