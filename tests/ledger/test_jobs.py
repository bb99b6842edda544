"""Jobs: asked for, claimed with the whole backlog, postponed, ended, asked for again; never deleted."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, NotAllowed, NotFound
from panel.ledger.jobs import (
    Claimed,
    Job,
    cancel_job,
    claim_jobs,
    finish_jobs,
    get_job,
    has_open_jobs,
    jobs_query,
    nodes_with_open_jobs,
    postpone_jobs,
    request_job,
    retry_job,
    show_progress,
)
from panel.members.models import Member
from tests.worlds import World, actor, enrolled_node
from tests.writers import at_once


def test_a_job_rings_once_it_is_committed_and_once_for_each_node(world: World) -> None:
    other = enrolled_node("mail2")
    world.rings.clear()
    with unit_of_work() as work:
        for node in (world.node, world.node, other):
            request_job(work, node_id=node.id, cause="test", actor=SYSTEM)
        assert world.rings == []
    assert world.rings == [world.node.id, other.id]


def test_work_that_failed_leaves_no_job_and_rings_nobody(world: World) -> None:
    world.rings.clear()
    before = _ids()

    def fail() -> None:
        with unit_of_work() as work:
            request_job(work, node_id=world.node.id, cause="test", actor=SYSTEM)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert (_ids(), world.rings) == (before, [])


def test_claiming_takes_the_nodes_whole_backlog_and_what_a_dead_worker_left(world: World) -> None:
    _settle()
    other = enrolled_node("mail2")
    queued, running = _new(world), _new(world, state="running")
    _new(world, state="done"), _new(world, state="cancelled"), _new(world, state="waiting_approval")
    later = _new(world, retry_at=60)
    due = _new(world, retry_at=-1)
    elsewhere = _new(world, node_id=other.id)
    assert set(_claim(world)) == {queued, running, due}
    claimed = get_job(SYSTEM, running)
    assert (claimed.state, claimed.attempts, claimed.started_at is not None) == ("running", 1, True)
    assert get_job(SYSTEM, later).state == get_job(SYSTEM, elsewhere).state == "queued"


def test_nodes_with_jobs_that_are_due_are_found_once_each(world: World) -> None:
    _settle()
    other, idle = enrolled_node("mail2"), enrolled_node("mail3")
    _new(world), _new(world)
    _new(world, node_id=other.id, state="running")
    _new(world, node_id=idle.id, retry_at=60)
    assert sorted(nodes_with_open_jobs()) == sorted([world.node.id, other.id])
    assert has_open_jobs(idle.id)
    _settle()
    db.session.commit()
    assert not has_open_jobs(world.node.id)


def test_a_postponed_job_waits_for_its_time_and_keeps_its_log(world: World) -> None:
    _settle()
    job = _new(world)
    log = [{"at": "2026-01-01T00:00:00+00:00", "text": "unreachable: łącze", "again_in_seconds": 15}]
    postpone_jobs(_claim(world), seconds=3600, log=log)
    kept = get_job(SYSTEM, job)
    assert (kept.state, kept.log, kept.finished_at) == ("queued", log, None)
    assert _claim(world) == []
    with unit_of_work():
        db.session.execute(update(Job).values(retry_at=utcnow()))
    assert _claim(world) == [job]
    assert get_job(SYSTEM, job).attempts == 2


def test_a_clock_that_jumped_a_day_freezes_no_job(world: World) -> None:
    _settle()
    job = _new(world, retry_at=86_400)
    assert nodes_with_open_jobs() == [world.node.id]
    assert _claim(world) == [job]


def test_jobs_end_with_their_counts_and_only_those_still_running(world: World) -> None:
    _settle()
    job, gone = _new(world), _new(world)
    claimed = _claim(world)
    with unit_of_work():
        db.session.execute(update(Job).where(Job.id == gone).values(state="cancelled"))
    finish_jobs(claimed, state="done", counts={"applied": 3}, log=[])
    ended = get_job(SYSTEM, job)
    assert (ended.state, ended.counts, ended.finished_at is not None) == ("done", {"applied": 3}, True)
    assert get_job(SYSTEM, gone).state == "cancelled"


def test_each_job_is_claimed_with_what_it_is_about(world: World) -> None:
    _settle()
    about = uuid.uuid4()
    one, many = _new(world, resource_id=about), _new(world)
    assert sorted(claim_jobs(world.node.id)) == sorted([Claimed(one, "test", about), Claimed(many, "test", None)])


def test_a_running_job_shows_how_far_it_is(world: World) -> None:
    _settle()
    job, waiting = _new(world, state="running"), _new(world)
    log = [{"at": "2026-01-01T00:00:00+00:00", "text": "half of it"}]
    show_progress([job, waiting], counts={"applied": 7}, log=log)
    assert (get_job(SYSTEM, job).counts, get_job(SYSTEM, job).log) == ({"applied": 7}, log)
    assert get_job(SYSTEM, waiting).log == []


def test_a_job_knows_what_exactly_and_who_asked(world: World) -> None:
    who = Actor(ref="token:x", name="Anna", grants=SYSTEM.grants, user_id=uuid.uuid4())
    with unit_of_work() as work:
        job = request_job(work, node_id=world.node.id, cause="test", actor=who, params={"folder": "Łąka"})
    db.session.expire_all()
    assert (get_job(SYSTEM, job.id).params, get_job(SYSTEM, job.id).user_id) == ({"folder": "Łąka"}, who.user_id)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_ended_badly_can_be_asked_for_again(world: World, state: str) -> None:
    job = _new(world, state=state, retry_at=60)
    world.rings.clear()
    again = retry_job(SYSTEM, job)
    assert (again.state, again.retry_at, again.finished_at) == ("queued", None, None)
    assert world.rings == [world.node.id]


@pytest.mark.parametrize("state", ["queued", "running", "done", "waiting_approval"])
def test_what_did_not_fail_is_not_asked_for_again(world: World, state: str) -> None:
    with pytest.raises(Conflict) as refused:
        retry_job(SYSTEM, _new(world, state=state))
    assert (refused.value.code, refused.value.params) == ("job_not_failed", {"state": state})


@pytest.mark.parametrize("state", ["queued", "waiting_approval"])
def test_what_did_not_start_can_be_withdrawn(world: World, state: str) -> None:
    job = cancel_job(SYSTEM, _new(world, state=state))
    assert (job.state, job.finished_at is not None) == ("cancelled", True)


@pytest.mark.parametrize("state", ["running", "done", "failed", "cancelled"])
def test_what_started_is_not_withdrawn(world: World, state: str) -> None:
    with pytest.raises(Conflict) as refused:
        cancel_job(SYSTEM, _new(world, state=state))
    assert refused.value.code == "job_started"


def test_a_job_is_either_withdrawn_or_claimed(world: World) -> None:
    for _ in range(5):
        _settle()
        job = _new(world)
        withdrawn, claimed = at_once(world.app, [partial(cancel_job, SYSTEM, job), partial(_claim, world)])
        db.session.commit()
        if isinstance(withdrawn, Conflict):
            assert (claimed, get_job(SYSTEM, job).state) == ([job], "running")
        else:
            assert (claimed, get_job(SYSTEM, job).state) == ([], "cancelled")


def test_jobs_are_seen_by_those_whose_they_are_and_who_may(world: World) -> None:
    mine, foreign, nobodys = _new(world, member=world.koscian), _new(world, member=world.smigiel), _new(world)
    seen = set(db.session.scalars(jobs_query(actor("auditor")).with_only_columns(Job.id)))
    assert {mine, foreign, nobodys} <= seen
    who = actor("support", world.koscian)
    assert list(db.session.scalars(jobs_query(who).with_only_columns(Job.id))) == [mine]
    assert get_job(who, mine).id == mine
    for job in (foreign, nobodys, uuid.uuid4()):
        with pytest.raises(NotFound):
            get_job(who, job)
    with pytest.raises(NotAllowed):
        jobs_query(actor("member_admin", world.koscian))
    with pytest.raises(NotAllowed):
        retry_job(who, mine)


def test_jobs_are_narrowed_by_what_is_given(world: World) -> None:
    about = uuid.uuid4()
    job = _new(world, member=world.koscian, resource_id=about, state="failed")
    _new(world, member=world.koscian)
    for given in ({"state": "failed"}, {"resource_id": about}, {"cause": "test", "resource_id": about}):
        found = db.session.scalars(jobs_query(SYSTEM, **given).with_only_columns(Job.id))
        assert list(found) == [job]


def _new(
    world: World,
    *,
    state: str = "queued",
    retry_at: int | None = None,
    member: Member | None = None,
    node_id: uuid.UUID | None = None,
    resource_id: uuid.UUID | None = None,
) -> uuid.UUID:
    """A job in ``state``, due ``retry_at`` seconds from now."""
    with unit_of_work() as work:
        job = request_job(
            work,
            node_id=node_id or world.node.id,
            cause="test",
            actor=SYSTEM,
            member_id=member.id if member else None,
            resource_id=resource_id,
        )
        job.state = state
        job.retry_at = None if retry_at is None else utcnow() + timedelta(seconds=retry_at)
    return job.id


def _claim(world: World) -> list[uuid.UUID]:
    return [job.id for job in claim_jobs(world.node.id)]


def _settle() -> None:
    """End the jobs that are there already: the world's own, and those of a test's earlier round."""
    with unit_of_work():
        db.session.execute(update(Job).values(state="done"))


def _ids() -> set[uuid.UUID]:
    return set(db.session.scalars(select(Job.id)))
