"""Runs: small before big, jobs that end as soon as their own thing did, and batches whose outcome is read back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest
from sqlalchemy import select, update

from panel.engine import portions, reconcile, worker
from panel.engine.kinds import Wanted
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.events import Event
from panel.ledger.jobs import Job, get_job
from panel.ledger.nodes import Node, take_lease
from panel.mail.actions import NewMailbox, create_mailbox, create_mailboxes, remove_mailbox, rename_mailbox, set_quota
from panel.mail.models import Mailbox
from provisioning.probes.findings import Finding, NotSeen
from provisioning.ssh import AgentError, OutcomeUnknown, Unreachable
from tests.engine.workers import Engine
from tests.worlds import SHARED, World


class Killed(BaseException):
    """The process ended here: nothing after this point is done."""


def test_a_single_change_does_not_wait_for_what_is_done_in_bulk(world: World, engine: Engine) -> None:
    old = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id
    engine.ring()
    engine.agent.requests.clear()
    made = create_mailboxes(SYSTEM, _new(world, 120))
    job = set_quota(SYSTEM, old, quota_mb=7).job
    engine.ring()
    sent = [[body["id"] for body in request["items"]] for request in engine.agent.requests]
    assert [len(ids) for ids in sent] == [1, 50, 50, 20]
    assert sent[0] == [str(old)]
    assert job is not None
    own, bulk = get_job(SYSTEM, job.id), _job(made[0].job)
    assert (own.state, own.counts) == ("done", {"applied": 1})
    assert [(line["text"], line.get("sent"), line.get("message")) for line in own.log] == [
        ("batch applied", 1, None),
        ("looked from outside", None, 1),
    ]
    assert (bulk.state, bulk.counts["applied"]) == ("done", 121)


@pytest.mark.one_database
def test_a_change_that_comes_meanwhile_goes_next(world: World, engine: Engine) -> None:
    create_mailboxes(SYSTEM, _new(world, 120))
    asked: list[uuid.UUID] = []

    def ask_once() -> None:
        if len(engine.agent.batches) == 2 and not asked:
            with world.app.app_context():
                asked.append(create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id)

    engine.agent.meanwhile = ask_once
    engine.ring()
    assert [len(request["items"]) for request in engine.agent.requests] == [1, 50, 1, 50, 20]
    assert engine.agent.requests[2]["items"][0]["id"] == str(asked[0])


def test_what_belongs_together_goes_together(world: World, engine: Engine) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id
    engine.ring()
    engine.agent.requests.clear()
    create_mailboxes(SYSTEM, _new(world, 60))
    rename_mailbox(SYSTEM, box, address=f"b@{SHARED}")
    engine.ring()
    assert [(body["kind"], body["address"]) for body in engine.agent.requests[0]["items"]] == [
        ("mailbox", f"b@{SHARED}"),
        ("alias", f"a@{SHARED}"),
    ]


@pytest.mark.one_database
def test_removals_go_before_what_may_take_their_place(world: World, engine: Engine) -> None:
    made = create_mailboxes(SYSTEM, _new(world, 40))
    engine.ring()
    engine.agent.requests.clear()
    for changed in made[:3]:
        remove_mailbox(SYSTEM, changed.mailbox.id)
    with unit_of_work():
        db.session.execute(update(Job).values(resource_id=None))
    create_mailboxes(SYSTEM, [NewMailbox(member_id=world.koscian.id, address=f"n{n}@{SHARED}") for n in range(60)])
    engine.ring()
    assert [body["do"] for body in engine.agent.requests[0]["items"]][:4] == ["remove"] * 3 + ["put"]


@pytest.mark.one_database
def test_a_bulk_job_shows_how_far_it_is(world: World, engine: Engine) -> None:
    job = create_mailboxes(SYSTEM, _new(world, 120))[0].job
    shown: list[int] = []

    def look() -> None:
        with world.app.app_context():
            shown.append(_job(job).counts.get("applied", 0))

    engine.agent.meanwhile = look
    engine.ring()
    assert shown == [0, 1, 51, 101]


@pytest.mark.one_database
def test_a_job_that_failed_says_what_is_wrong_with_its_own(world: World, engine: Engine) -> None:
    bad = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    unseen = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"b@{SHARED}")
    engine.agent.refuse.add(str(bad.mailbox.id))
    engine.looker.hidden[str(unseen.mailbox.id)] = NotSeen("refused", "450 later, please")
    engine.ring()
    for job, counts, code, words in (
        (_job(bad.job), {"refused": 1}, "daemon", "the daemon's own words"),
        (_job(unseen.job), {"applied": 1}, "not_seen_refused", "450 later, please"),
    ):
        assert (job.state, job.counts) == ("failed", counts)
        assert (job.log[-1]["text"], job.log[-1]["message"]) == (code, words)


@pytest.mark.one_database
def test_a_row_that_no_node_may_be_given_stops_no_other(world: World, engine: Engine) -> None:
    bad, good = (
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"{name}@{SHARED}").mailbox.id for name in "ab"
    )
    with unit_of_work():
        db.session.execute(update(Mailbox).where(Mailbox.id == bad).values(address="not an address"))
    engine.ring()
    assert _box(good).state == "active"
    assert (_box(bad).state, _box(bad).problem_code, _box(bad).retry_at) == ("failed", "bad_value", None)


@pytest.mark.one_database
def test_of_bulk_work_the_timeline_tells_once(world: World, engine: Engine) -> None:
    made = create_mailboxes(SYSTEM, _new(world, 3))
    engine.ring()
    tags = db.session.scalars(select(Event.tag).where(Event.resource_id == made[0].mailbox.id).order_by(Event.id))
    assert list(tags) == ["mail:mailbox:create", "engine:mailbox:seen"]


@pytest.mark.one_database
@pytest.mark.parametrize("point", ["claimed", "planned", "sent", "answered", "recorded", "looked", "finished"])
def test_a_worker_killed_anywhere_leaves_everything_there_once(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    _settle(engine)
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    _kill_at(monkeypatch, point, engine)
    engine.ring()
    assert _box(box.mailbox.id).state == "active"
    assert _job(box.job).state == "done"
    applied = [one for batch in engine.agent.batches.values() for one in batch if one["id"] == str(box.mailbox.id)]
    assert [one["outcome"] for one in applied].count("applied") == 1
    assert _node(world).batch_on_way is None


def test_an_outcome_nobody_heard_is_read_back_before_anything_is_sent(world: World, engine: Engine) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    engine.agent.after += [OutcomeUnknown("cut"), OutcomeUnknown("cut again")]
    engine.ring()
    assert (_box(box.mailbox.id).state, _job(box.job).state) == ("applying", "queued")
    assert _node(world).batch_on_way is not None
    _let_retry()
    engine.agent.requests.clear()
    engine.ring()
    assert (_box(box.mailbox.id).state, _job(box.job).state) == ("active", "done")
    assert [request["op"] for request in engine.agent.requests] == ["outcomes"]
    assert _node(world).batch_on_way is None


@pytest.mark.one_database
def test_what_never_reached_the_node_is_sent_again(world: World, engine: Engine) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id
    engine.agent.before += [OutcomeUnknown("cut"), Unreachable("no route")]
    engine.ring()
    assert _node(world).batch_on_way is not None
    _let_retry()
    engine.ring()
    assert _box(box).state == "active"
    assert len(engine.agent.batches) == 1


def test_of_a_change_made_meanwhile_an_old_outcome_says_nothing(world: World, engine: Engine) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id
    engine.agent.after += [OutcomeUnknown("cut"), OutcomeUnknown("cut again")]
    engine.ring()
    set_quota(SYSTEM, box, quota_mb=9)
    assert (_box(box).applied_generation, _box(box).state) == (0, "pending")
    _let_retry()
    engine.ring()
    assert (_box(box).applied_generation, _box(box).state) == (2, "active")


def test_a_lost_lease_ends_the_run_and_its_outcome_is_the_next_ones(world: World, engine: Engine) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")

    def take_over() -> None:
        with world.app.app_context(), unit_of_work():
            db.session.execute(update(Node).values(lease_expires_at=database_now(-1)))
            assert take_lease(world.node.id, owner="another", seconds=30) is not None
        engine.agent.meanwhile = lambda: None

    engine.agent.meanwhile = take_over
    engine.ring()
    assert (_box(box.mailbox.id).applied_generation, _job(box.job).state) == (0, "running")
    with unit_of_work():
        db.session.execute(update(Node).values(lease_owner=None))
    engine.ring()
    assert (_box(box.mailbox.id).state, _job(box.job).state) == ("active", "done")


@pytest.mark.one_database
def test_an_agent_that_did_nothing_leaves_no_batch_on_its_way(world: World, engine: Engine) -> None:
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    engine.agent.before.append(AgentError("bad_request", "items"))
    engine.ring()
    assert _node(world).batch_on_way is None


def test_what_is_done_in_bulk_is_there_as_a_whole_before_it_is_looked_at(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settle(engine)
    monkeypatch.setattr(portions, "LOOKED_AT_ONCE", 40)
    there: list[int] = []
    see = engine.looker.see

    def note(applied: Sequence[Wanted]) -> dict[tuple[str, str], Finding]:
        there.append(sum(kind == "mailbox" for kind, _ in engine.agent.rows))
        return see(applied)

    monkeypatch.setattr(engine.looker, "see", note)
    made = create_mailboxes(SYSTEM, _new(world, 120))
    engine.ring()
    assert there == [120, 120, 120, 120]
    assert _box(made[0].mailbox.id).state == "active"
    log = [(line["text"], line.get("message")) for line in _job(made[0].job).log]
    assert log == [("batch applied", None)] * 3 + [("looked from outside", n) for n in (20, 40, 40, 20)]


def test_what_a_dead_worker_did_not_look_at_is_not_active_and_not_sent_again(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settle(engine)
    made = create_mailboxes(SYSTEM, _new(world, 120))
    _kill_at(monkeypatch, "recorded", engine)
    assert _box(made[0].mailbox.id).state == "applying"
    engine.agent.requests.clear()
    engine.ring()
    sent = [len(request["items"]) for request in engine.agent.requests if request["op"] == "apply"]
    assert sent == [50, 20]
    assert {_box(one.mailbox.id).state for one in made} == {"active"}


@pytest.mark.one_database
def test_the_timeline_never_says_of_what_is_gone_that_it_works(world: World, engine: Engine) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id
    engine.ring()
    remove_mailbox(SYSTEM, box)
    engine.ring()
    tags = db.session.scalars(select(Event.tag).where(Event.resource_id == box).order_by(Event.id)).all()
    assert tags[-2:] == ["engine:mailbox:applied", "engine:mailbox:gone"]


def _kill_at(monkeypatch: pytest.MonkeyPatch, point: str, engine: Engine) -> None:
    """Have the worker die once where it passes ``point``, and give its lease back as time would."""
    killed: list[str] = []

    def reach(passed: str) -> None:
        if passed == point and not killed:
            killed.append(passed)
            raise Killed

    for module in (reconcile, worker):
        monkeypatch.setattr(module, "reach", reach)
    with pytest.raises(Killed):
        engine.ring()
    engine.forget()
    db.session.rollback()


def _settle(engine: Engine) -> None:
    """Have the shared domain done, so that one thing is left to be done."""
    engine.ring()
    engine.agent.batches.clear()


def _new(world: World, count: int) -> list[NewMailbox]:
    return [NewMailbox(member_id=world.koscian.id, address=f"u{n:03}@{SHARED}", quota_mb=1) for n in range(count)]


def _box(box: uuid.UUID) -> Mailbox:
    db.session.commit()
    return db.session.get_one(Mailbox, box, populate_existing=True)


def _job(job: Job | None) -> Job:
    assert job is not None
    db.session.commit()
    return db.session.get_one(Job, job.id, populate_existing=True)


def _node(world: World) -> Node:
    db.session.commit()
    return db.session.get_one(Node, world.node.id, populate_existing=True)


def _let_retry() -> None:
    with unit_of_work():
        db.session.execute(update(Job).values(retry_at=None))


@pytest.fixture
def engine(world: World) -> Engine:
    return Engine(world)
