"""Looking ahead: what is looked at beside the recording of what was seen before, and never beside anything else."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from panel.engine import portions, records
from panel.engine.kinds import Wanted
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.mail.actions import NewMailbox, create_mailbox, create_mailboxes
from panel.mail.models import Mailbox
from provisioning.probes.findings import Finding
from tests.engine.workers import Engine
from tests.worlds import SHARED, World

BEGUN_SECONDS = 30.0
Findings = dict[tuple[str, str], Finding]


@pytest.fixture
def bulk(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """120 mailboxes wait to be sent in three portions and looked at in four."""
    engine.ring()
    monkeypatch.setattr(portions, "LOOKED_AT_ONCE", 40)
    create_mailboxes(
        SYSTEM, [NewMailbox(member_id=world.koscian.id, address=f"b{number}@{SHARED}") for number in range(120)]
    )


@pytest.mark.one_database
@pytest.mark.usefixtures("bulk")
def test_the_next_look_begins_before_the_last_one_is_recorded(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, looks = threading.Condition(), [0]
    in_time: list[bool] = []
    see, record = engine.looker.see, records.record_findings

    def note(applied: Sequence[Wanted]) -> Findings:
        with begun:
            looks[0] += 1
            begun.notify_all()
        return see(applied)

    def wait(*arguments: Any) -> Any:
        recorded = len(in_time) + 1
        with begun:
            in_time.append(recorded in {1, 4} or begun.wait_for(lambda: looks[0] > recorded, BEGUN_SECONDS))
        return record(*arguments)

    monkeypatch.setattr(engine.looker, "see", note)
    monkeypatch.setattr(records, "record_findings", wait)
    engine.ring()
    assert in_time == [True] * 4, "the first is looked at when it is sent; after the last nothing is left to look at"
    assert {box.state for box in db.session.scalars(db.select(Mailbox))} == {"active"}


@pytest.mark.one_database
@pytest.mark.usefixtures("bulk")
def test_nothing_is_sent_while_a_look_is_under_way(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, looks = threading.Lock(), [0]
    beside: list[bool] = []
    see, apply = engine.looker.see, engine.agent.meanwhile

    def note(applied: Sequence[Wanted]) -> Findings:
        assert under_way.acquire(timeout=0), "two looks at once"
        try:
            looks[0] += 1
            if looks[0] == 3:
                create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
            return see(applied)
        finally:
            under_way.release()

    def send() -> None:
        beside.append(under_way.locked())
        apply()

    monkeypatch.setattr(engine.looker, "see", note)
    engine.agent.meanwhile = send
    engine.ring()
    assert beside == [False] * 4, "three portions, and the change that came meanwhile"
    assert {box.state for box in db.session.scalars(db.select(Mailbox))} == {"active"}
    assert looks[0] == 5


@pytest.fixture
def engine(world: World) -> Engine:
    return Engine(world)
