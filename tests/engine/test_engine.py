"""The engine's rules: what is recorded when, and what happens when the node or the link fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from panel.engine.greeting import greeter
from panel.engine.heartbeat import Heartbeat
from panel.engine.marks import mark_answered
from panel.engine.sweep import sweep
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work, utcnow
from panel.kinds import KINDS
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node, release_lease, renew_lease, take_lease
from panel.mail.actions import (
    NewMailbox,
    create_mailbox,
    create_mailboxes,
    remove_mailbox,
    rename_mailbox,
    restore_mailbox,
    suspend_mailbox,
)
from panel.mail.models import Alias, Mailbox
from provisioning.probes.findings import NotSeen
from provisioning.ssh import AgentError, HostKeyChanged, OutcomeUnknown, Unreachable
from tests.engine.workers import Engine
from tests.worlds import SHARED, World

SECONDS = 90.0


def test_nothing_is_active_before_it_was_seen(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.looker.hidden[str(box.id)] = NotSeen("refused", "450 later, please")
    engine.ring()
    box = _fresh(box)
    assert (box.applied_generation, box.seen_generation, box.state) == (1, 0, "failed")
    assert (box.problem_code, box.problem_message) == ("not_seen_refused", "450 later, please")
    assert _job(box).state == "failed"
    engine.looker.hidden.clear()
    _let_retry()
    engine.ring()
    box = _fresh(box)
    assert (box.state, box.seen_how, box.problem_code) == ("active", "message", None)


def test_one_bad_item_never_stops_the_others(world: World, engine: Engine) -> None:
    boxes = [_new(world, name) for name in "abc"]
    engine.agent.refuse.add(str(boxes[1].id))
    engine.ring()
    assert [_fresh(box).state for box in boxes] == ["active", "failed", "active"]
    bad = _fresh(boxes[1])
    assert (bad.problem_code, bad.problem_message, bad.retry_at) == ("daemon", "the daemon's own words", None)
    assert [_job(box).state for box in boxes] == ["done", "failed", "done"]


def test_a_refused_resource_waits_for_a_person(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.agent.refuse.add(str(box.id))
    engine.ring()
    engine.agent.refuse.clear()
    sent = len(engine.agent.requests)
    engine.ring()
    assert len(engine.agent.requests) == sent
    suspend_mailbox(SYSTEM, box.id)
    engine.ring()
    assert _fresh(box).state == "suspended"


def test_a_backlog_larger_than_a_batch_goes_in_several(world: World, engine: Engine) -> None:
    create_mailboxes(SYSTEM, [NewMailbox(member_id=world.koscian.id, address=f"u{n}@{SHARED}") for n in range(120)])
    engine.ring()
    assert {box.state for box in db.session.scalars(select(Mailbox))} == {"active"}
    assert [len(request["items"]) for request in engine.agent.requests] == [1, 50, 50, 20]


def test_an_unreachable_node_keeps_its_jobs(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.agent.before.append(Unreachable("no route"))
    engine.ring()
    assert (_fresh(box).state, _job(box).state) == ("applying", "queued")
    assert _node(engine).problem_code == "unreachable"
    _let_retry()
    engine.ring()
    assert (_fresh(box).state, _job(box).state) == ("active", "done")
    assert _node(engine).problem_code is None


def test_an_attempt_that_ends_late_takes_nothing_back_of_what_was_heard_since(world: World, engine: Engine) -> None:
    _new(world, "a")

    def late(_message: dict[str, Any]) -> dict[str, Any]:
        with world.app.app_context():
            mark_answered([world.node.id])  # by another worker, while this one waits for its time-out
        raise Unreachable("no route")

    engine.agent.answers["apply"] = late
    engine.ring()
    assert _node(engine).problem_code is None
    engine.agent.answers["hello"] = late
    _make_quiet()
    greeter(engine.exchange)(SYSTEM)
    assert _node(engine).problem_code is None


def test_a_link_cut_after_sending_applies_nothing_twice(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.agent.after.append(OutcomeUnknown("cut"))
    engine.ring()
    first, second = engine.agent.requests
    assert first["batch"] == second["batch"]
    assert (_fresh(box).state, len(engine.agent.batches)) == ("active", 1)


def test_a_changed_host_key_stops_everything(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.agent.before.append(HostKeyChanged("another key"))
    engine.ring()
    assert not engine.agent.rows
    assert _node(engine).problem_code == "host_key_changed"
    assert _fresh(box).state != "active"


def test_an_older_worker_is_refused_by_the_node(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.agent.fence = 1_000
    engine.ring()
    assert (_fresh(box).applied_generation, _job(box).state) == (0, "queued")


def test_a_worker_that_lost_its_lease_has_no_say_about_the_jobs(world: World, engine: Engine) -> None:
    box = _new(world, "a")

    def overtaken(_message: dict[str, Any]) -> dict[str, Any]:
        with unit_of_work():
            db.session.execute(update(Node).values(lease_expires_at=utcnow() - timedelta(seconds=1)))
        assert take_lease(world.node.id, owner="another", seconds=30) is not None
        raise AgentError("stale_fence", "fence 1, seen 2")

    engine.agent.answers["apply"] = overtaken
    engine.ring()
    job = _job(box)
    assert (job.state, job.retry_at) == ("running", None), "another worker's by now"


def test_a_job_for_which_nothing_was_left_says_so(world: World, engine: Engine) -> None:
    create_mailboxes(SYSTEM, [NewMailbox(member_id=world.koscian.id, address=f"u{n}@{SHARED}") for n in range(2)])
    engine.ring()
    with unit_of_work():
        db.session.execute(update(Job).values(state="queued", log=[]))
    engine.ring()
    for job in db.session.scalars(select(Job).execution_options(populate_existing=True)):
        assert (job.state, [line["text"] for line in job.log]) == ("done", ["nothing to do"])


def test_a_change_made_meanwhile_is_not_called_seen(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    seen: list[str] = []

    def change_once() -> None:
        if not seen:
            with world.app.app_context():
                suspend_mailbox(SYSTEM, box.id)
            seen.append(_fresh(box).state)

    engine.agent.meanwhile = change_once
    engine.ring()
    assert _fresh(box).state == "suspended"
    assert [
        item["generation"]
        for request in engine.agent.requests
        for item in request["items"]
        if item["id"] == str(box.id)
    ] == [1, 2]


def test_many_removals_wait_for_approval(world: World, engine: Engine) -> None:
    made = create_mailboxes(
        SYSTEM, [NewMailbox(member_id=world.koscian.id, address=f"u{n}@{SHARED}") for n in range(60)]
    )
    engine.ring()
    for changed in made[:50]:
        remove_mailbox(SYSTEM, changed.mailbox.id)
    sent = len(engine.agent.requests)
    engine.ring()
    assert len(engine.agent.requests) == sent
    assert {job.state for job in db.session.scalars(select(Job).where(Job.cause == "mail:mailbox:remove"))} == {
        "waiting_approval"
    }


def test_removed_restored_and_renamed_go_the_same_way(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.ring()
    rename_mailbox(SYSTEM, box.id, address=f"b@{SHARED}")
    engine.ring()
    (alias,) = db.session.scalars(select(Alias)).unique()
    assert (alias.state, alias.address) == ("active", f"a@{SHARED}")
    remove_mailbox(SYSTEM, box.id)
    engine.ring()
    db.session.refresh(alias)
    assert (_fresh(box).state, alias.state) == ("removed", "removed")
    restore_mailbox(SYSTEM, box.id)
    engine.ring()
    assert _fresh(box).state == "active"


def test_a_lost_ring_is_found_by_the_sweep(world: World, engine: Engine) -> None:
    engine.ring()
    _new(world, "a")
    assert sweep(KINDS) == {engine.node_id}
    db.session.commit()  # a reading transaction would go on seeing what it saw first
    engine.ring()
    assert sweep(KINDS) == set()


def test_a_clock_that_jumped_a_day_freezes_no_resource(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.looker.hidden[str(box.id)] = NotSeen("refused", "450 later, please")
    engine.ring()
    engine.looker.hidden.clear()
    assert _fresh(box).retry_at is not None
    with unit_of_work():
        db.session.execute(update(Mailbox).values(retry_at=database_now(86_400)))
    engine.ring()
    assert _fresh(box).state == "active"


def test_rows_due_without_a_job_get_one(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    engine.ring()
    with unit_of_work():
        db.session.execute(update(Mailbox).where(Mailbox.id == box.id).values(seen_generation=0))
    assert sweep(KINDS) == {engine.node_id}
    assert db.session.scalar(select(Job.cause).where(Job.state == "queued")) == "engine:sweep:due"


def test_a_quiet_node_is_greeted_and_one_that_went_away_is_noticed(world: World, engine: Engine) -> None:
    greet = greeter(engine.exchange)
    greet(SYSTEM)
    assert engine.agent.requests == []
    for trouble, problem in ((Unreachable("no route"), "unreachable"), (None, None)):
        _make_quiet()
        engine.agent.before = [] if trouble is None else [trouble]
        greet(SYSTEM)
        assert _node(engine).problem_code == problem
    assert [request["op"] for request in engine.agent.requests] == ["hello", "hello"]
    seen = _node(engine).last_seen_at
    assert seen is not None
    assert utcnow() - seen < timedelta(minutes=1)


def test_one_worker_at_a_time_holds_a_node_and_each_lease_is_newer(world: World) -> None:
    first = take_lease(world.node.id, owner="one", seconds=30)
    assert first is not None
    assert take_lease(world.node.id, owner="two", seconds=30) is None
    with unit_of_work():
        db.session.execute(update(Node).values(lease_expires_at=utcnow() - timedelta(seconds=1)))
    second = take_lease(world.node.id, owner="two", seconds=30)
    assert second is not None
    assert second.fence > first.fence
    assert not renew_lease(first, seconds=30)
    assert renew_lease(second, seconds=30)


def test_a_lease_is_kept_while_a_batch_takes_long(world: World) -> None:
    lease = take_lease(world.node.id, owner="one", seconds=30)
    assert lease is not None
    with Heartbeat(world.app, lease, seconds=6):  # a beat each two seconds
        for _ in range(2):
            was = _node_now(world).lease_expires_at
            _wait_until(lambda was=was: _node_now(world).lease_expires_at != was)  # type: ignore[misc]  # bound here
            assert take_lease(world.node.id, owner="two", seconds=30) is None
    with unit_of_work():
        db.session.execute(update(Node).values(lease_expires_at=database_now(-1)))
    assert take_lease(world.node.id, owner="two", seconds=30) is not None


def test_a_ring_while_another_worker_holds_the_node_is_not_lost(world: World, engine: Engine) -> None:
    lease = take_lease(world.node.id, owner="another", seconds=30)
    assert lease is not None
    box = _new(world, "a")
    engine.ring()
    assert _fresh(box).state == "pending"
    release_lease(lease)
    _wait_until(lambda: _fresh(box).state == "active")


def test_a_worker_that_died_leaves_nothing_undone(world: World, engine: Engine) -> None:
    box = _new(world, "a")
    with unit_of_work():
        db.session.execute(update(Job).values(state="running"))
    engine.ring()
    assert (_fresh(box).state, _job(box).state) == ("active", "done")


def _new(world: World, name: str) -> Mailbox:
    return create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"{name}@{SHARED}").mailbox


def _fresh(box: Mailbox) -> Mailbox:
    return db.session.get_one(Mailbox, box.id, populate_existing=True)


def _job(box: Mailbox) -> Job:
    query = select(Job).where(Job.resource_id == box.id).order_by(Job.id.desc()).limit(1)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def _node(engine: Engine) -> Node:
    return db.session.get_one(Node, engine.node_id, populate_existing=True)


def _node_now(world: World) -> Node:
    db.session.commit()
    return db.session.get_one(Node, world.node.id, populate_existing=True)


def _wait_until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < end
        db.session.commit()
        time.sleep(0.02)


def _make_quiet() -> None:
    with unit_of_work():
        db.session.execute(update(Node).values(last_seen_at=utcnow() - timedelta(hours=1)))


def _let_retry() -> None:
    with unit_of_work():
        db.session.execute(update(Mailbox).values(retry_at=utcnow()))
        db.session.execute(update(Job).values(retry_at=None))


@pytest.fixture
def engine(world: World) -> Iterator[Engine]:
    yield Engine(world)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):  # a second look, which still holds a connection when its work is seen
            thread.join(60)
