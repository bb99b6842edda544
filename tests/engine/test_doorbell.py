"""The doorbell: a ring reaches a worker soon, and one that is lost costs nothing but time."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis
from sqlalchemy import ColumnElement, func, select

from panel import wiring
from panel.engine.sweep import sweep
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kinds import KINDS
from panel.ledger.jobs import Job
from panel.mail.actions import NewMailbox, create_mailbox, create_mailboxes
from panel.mail.models import Mailbox
from tests.engine.workers import Engine
from tests.worlds import SHARED, World

SECONDS = 90.0


@pytest.mark.parametrize("doorbell", ["sqlite", "redis"])
def test_a_ring_reaches_a_worker(world: World, request: pytest.FixtureRequest, doorbell: str) -> None:
    _connect(world, request.getfixturevalue("redis_url") if doorbell == "redis" else "")
    engine = Engine(world)
    with _answering(world, engine):
        box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox
        _wait_until_active(1)
    assert [body["id"] for body in engine.agent.requests[-1]["items"]][-1] == str(box.id)


def test_two_workers_share_one_doorbell_and_do_everything_once(world: World, redis_url: str) -> None:
    _connect(world, redis_url)
    one = Engine(world)
    other = Engine(world, one.agent)
    with _answering(world, one), _answering(world, other):
        for number in range(12):
            new = [NewMailbox(member_id=world.koscian.id, address=f"u{number}x{n}@{SHARED}") for n in range(5)]
            create_mailboxes(SYSTEM, new)
        _wait_until_active(60)
        _wait_until_done()
    fences = [request["fence"] for request in one.agent.requests]
    assert fences == sorted(fences)
    sent = [(body["kind"], body["id"]) for request in one.agent.requests for body in request["items"]]
    assert len(sent) == len(set(sent)) == 61  # the mailboxes and their domain


def test_a_worker_listens_again_after_its_link_to_redis_was_cut(world: World, redis_url: str) -> None:
    _connect(world, redis_url)
    with _answering(world, Engine(world)), redis.Redis.from_url(redis_url) as client:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
        _wait_until_active(1)
        assert client.client_kill_filter(_type="normal", skipme=True)
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"b@{SHARED}")
        _wait_until_active(2)


def test_a_doorbell_that_is_away_costs_time_only(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    _connect(world, f"redis://127.0.0.1:{port}")
    _create_in_time(world)
    assert "is lost: ConnectionError" in caplog.text
    assert sweep(KINDS) == {world.node.id}


def test_a_doorbell_that_does_not_answer_keeps_nobody_waiting(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "REDIS_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _connect(world, f"redis://127.0.0.1:{silent.getsockname()[1]}")
        _create_in_time(world)
    assert "is lost: TimeoutError" in caplog.text
    assert sweep(KINDS) == {world.node.id}


def _create_in_time(world: World) -> None:
    begun = time.monotonic()
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    assert time.monotonic() - begun < SECONDS, "a doorbell that nobody limits would be waited for without an end"
    db.session.commit()


def _connect(world: World, redis_url: str) -> None:
    """Give the world a real doorbell, and forget what earlier tests rang."""
    world.app.config["CIS"] = dataclasses.replace(world.app.config["CIS"], redis_url=redis_url)
    wiring.connect(world.app)


@contextmanager
def _answering(world: World, engine: Engine) -> Iterator[None]:
    """Run a consumer as ``cis worker`` does."""
    huey = wiring.answer(world.app, engine.worker)
    huey.flush()
    consumer = huey.create_consumer(
        workers=1, initial_delay=0.01, max_delay=0.02, backoff=1.0, periodic=False, check_worker_health=False
    )
    consumer._set_signal_handlers = lambda: None  # signals are the test runner's
    consumer.start()
    try:
        yield
    finally:
        consumer.stop(graceful=True)
        engine.worker.close()


def _wait_until_active(mailboxes: int) -> None:
    _wait_until(lambda: _count(Mailbox.state == "active") == mailboxes)


def _wait_until_done() -> None:
    _wait_until(lambda: _count(Job.state != "done") == 0)


def _wait_until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < end
        db.session.commit()
        time.sleep(0.02)


def _count(condition: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).where(condition)) or 0
