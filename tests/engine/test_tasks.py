"""Tasks: jobs that do one thing under the node's lease, with an end and a log of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from panel.engine.tasks import TaskFailed, TaskRun
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.ledger.jobs import Job, get_job, request_job
from panel.ledger.nodes import take_lease
from provisioning.ssh import AgentTooOld, Unreachable
from tests.engine.workers import Engine
from tests.worlds import World

CAUSE = "test:task"


def test_a_task_runs_under_the_lease_with_what_it_was_asked(world: World) -> None:
    job = _ask(world, folder="INBOX")

    def task(run: TaskRun) -> None:
        assert take_lease(run.node.id, owner="another", seconds=30) is None
        assert (run.job.id, run.job.params, run.node.id) == (job, {"folder": "INBOX"}, world.node.id)
        run.report.say("half", done=1)
        assert [line["text"] for line in _shown(job).log] == ["half"]
        run.report.counts["applied"] += 2

    engine = _ring(world, task)
    ended = get_job(SYSTEM, job)
    assert (ended.state, ended.counts, ended.log[0]["done"]) == ("done", {"applied": 2}, 1)
    assert not [request for request in engine.agent.requests if request["op"] == "apply" and not request["items"]]


@pytest.mark.one_database
def test_a_line_told_inside_a_unit_of_work_waits_for_its_end(world: World) -> None:
    job = _ask(world)

    def task(run: TaskRun) -> None:
        with unit_of_work():
            run.report.say("inside")
        assert _shown(job).log == []

    _ring(world, task)
    assert [line["text"] for line in get_job(SYSTEM, job).log] == ["inside"]


@pytest.mark.one_database
def test_a_task_that_cannot_be_done_fails_with_its_code(world: World) -> None:
    job = _ask(world)

    def task(run: TaskRun) -> None:
        raise TaskFailed("no_room", node=run.node.name)

    _ring(world, task)
    ended = get_job(SYSTEM, job)
    assert (ended.state, ended.log[-1]["text"], ended.log[-1]["node"]) == ("failed", "no_room", "mail1")


@pytest.mark.one_database
def test_a_task_is_postponed_while_the_node_is_away(world: World) -> None:
    job = _ask(world)
    _ring(world, lambda run: run.exchange.ask(run.node, "hello"), before=[Unreachable("no route")])
    waiting = get_job(SYSTEM, job)
    assert (waiting.state, waiting.log[-1]["text"], waiting.retry_at is not None) == ("queued", "unreachable", True)


@pytest.mark.one_database
def test_an_old_agent_is_not_asked_what_it_does_not_know(world: World) -> None:
    job = _ask(world)
    engine = Engine(world)
    engine.agent.protocol = 1
    with pytest.raises(AgentTooOld):
        engine.exchange.ask(world.node, "survey")
    assert engine.exchange.ask(world.node, "outcomes", batch="none")["known"] is False
    _run(engine, lambda run: run.exchange.ask(run.node, "survey"))
    assert (get_job(SYSTEM, job).state, get_job(SYSTEM, job).log[-1]["text"]) == ("failed", "agent_too_old")


@pytest.mark.one_database
def test_a_task_that_breaks_ends_as_failed_and_the_next_one_is_done(world: World) -> None:
    first = _ask(world)
    with unit_of_work() as work:
        second = request_job(work, node_id=world.node.id, cause=CAUSE, actor=SYSTEM).id

    def task(run: TaskRun) -> None:
        if run.job.id == first:
            raise ZeroDivisionError

    _ring(world, task)
    assert (get_job(SYSTEM, first).state, get_job(SYSTEM, second).state) == ("failed", "done")
    assert get_job(SYSTEM, first).log[-1]["text"] == "broken"


def _ring(world: World, task: Callable[[TaskRun], Any], *, before: list[Exception] | None = None) -> Engine:
    engine = Engine(world)
    engine.agent.before = before or []
    return _run(engine, task)


def _run(engine: Engine, task: Callable[[TaskRun], Any]) -> Engine:
    engine.tasks[CAUSE] = task
    engine.ring()
    db.session.commit()
    return engine


def _ask(world: World, **params: Any) -> uuid.UUID:
    with unit_of_work() as work:
        db.session.execute(update(Job).values(state="done"))
        job = request_job(work, node_id=world.node.id, cause=CAUSE, actor=SYSTEM, params=params)
    return job.id


def _shown(job_id: uuid.UUID) -> Job:
    return db.session.get_one(Job, job_id, populate_existing=True)
