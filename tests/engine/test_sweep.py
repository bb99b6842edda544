"""Sweeps, chores and greetings: they go on whatever fails, and nobody waits for a slow node."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from panel.engine import sweep as sweeping
from panel.engine.greeting import greeter
from panel.engine.sweep import Rounds, left_by_the_dead, run_forever
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import database_now, db, unit_of_work
from panel.kinds import KINDS
from panel.ledger.nodes import Node, take_lease
from panel.mail.actions import create_mailbox
from panel.mail.models import Mailbox
from provisioning.ssh import HostKey, HostKeyChanged, Unreachable
from tests.engine.fakes import FakeAgent
from tests.engine.workers import Engine
from tests.worlds import SHARED, World, enrolled_node

SECONDS = 90.0


def test_a_dead_workers_node_is_taken_over_soon_after_its_lease(world: World, engine: Engine) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id
    with _sweeping(world, engine.worker.start, seconds=3600):
        _wait_until(lambda: _state(box) == "active")
        begun = time.monotonic()
        _wait_until(lambda: take_lease(world.node.id, owner="soon dead", seconds=2) is not None)
        again = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"b@{SHARED}").mailbox.id
        _wait_until(lambda: _state(again) == "active")
    assert time.monotonic() - begun > 1.5, "and not before; the next round of sweeps would come in an hour"


def test_only_leases_that_ran_out_are_left_by_the_dead(world: World) -> None:
    other = enrolled_node("mail2")
    assert take_lease(world.node.id, owner="alive", seconds=30) is not None
    assert take_lease(other.id, owner="dead", seconds=30) is not None
    with unit_of_work():
        db.session.execute(update(Node).where(Node.id == other.id).values(lease_expires_at=database_now(-1)))
    assert left_by_the_dead() == [other.id]


@pytest.mark.one_database
def test_a_slow_node_delays_no_other(world: World) -> None:
    slow = enrolled_node("mail2", address="192.0.2.12")
    agent, gate = FakeAgent(), threading.Event()
    engine = Engine(world, _Slow(agent, "192.0.2.12", gate))
    with unit_of_work():
        db.session.execute(update(Node).where(Node.id == slow.id).values(batch_on_way=uuid.uuid4()))
    engine.worker.start(slow.id)
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id
    engine.worker.start(world.node.id)
    _wait_until(lambda: _state(box) == "active")
    assert not gate.is_set()
    gate.set()
    engine.worker.close()


@pytest.mark.one_database
def test_a_chore_that_fails_or_hangs_stops_neither_sweeps_nor_other_chores(world: World) -> None:
    swept: list[uuid.UUID] = []
    done, gate = threading.Event(), threading.Event()

    def broken(_actor: Actor) -> None:
        raise ZeroDivisionError

    def hangs(_actor: Actor) -> None:
        done.set()
        gate.wait(SECONDS)

    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    with _sweeping(world, swept.append, chores=(broken, hangs), seconds=0.1):
        assert done.wait(SECONDS)
        _wait_until(lambda: len(swept) >= 3)
        gate.set()
    assert set(swept) == {world.node.id}


@pytest.mark.one_database
def test_a_database_that_is_away_for_a_while_ends_no_sweep(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[uuid.UUID] = []
    failures: list[int] = []
    whole = sweeping.sweep

    def away_at_first(kinds: object) -> set[uuid.UUID]:
        if len(failures) < 3:
            failures.append(1)
            raise OperationalError("SELECT 1", {}, OSError("away"))
        return whole(kinds)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(sweeping, "sweep", away_at_first)
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    with _sweeping(world, swept.append, seconds=0.1):
        _wait_until(lambda: bool(swept))
    assert len(failures) == 3


def test_many_quiet_nodes_are_greeted_beside_each_other(world: World) -> None:
    agent = FakeAgent()
    slow = {f"192.0.2.{n}" for n in range(100, 120)}
    for address in sorted(slow):
        enrolled_node(f"mail-{address}", address=address)
    with unit_of_work():
        db.session.execute(update(Node).values(last_seen_at=None))
        db.session.execute(update(Node).where(Node.name == "mail1").values(problem_code="ports_silent"))
    engine = Engine(world, _Together(agent, slow))
    greeter(engine.exchange)(SYSTEM)
    db.session.expire_all()
    nodes = {node.name: node for node in db.session.query(Node)}
    assert all(node.last_seen_at is not None for node in nodes.values())
    assert {node.problem_code for node in nodes.values()} == {None, "ports_silent"}


@pytest.mark.one_database
def test_what_keeps_a_greeting_from_being_answered_is_told_of_each_node(world: World, engine: Engine) -> None:
    enrolled_node("mail2")
    with unit_of_work():
        db.session.execute(update(Node).values(last_seen_at=None))
    engine.agent.before += [Unreachable("no route"), HostKeyChanged("another key")]
    greeter(engine.exchange)(SYSTEM)
    db.session.expire_all()
    assert {node.problem_code for node in db.session.query(Node)} == {"unreachable", "host_key_changed"}


class _Slow(FakeAgent):
    """``agent``, but the node at ``address`` answers nothing until ``gate`` is open."""

    def __init__(self, agent: FakeAgent, address: str, gate: threading.Event) -> None:
        super().__init__()
        self._agent, self._address, self._gate = agent, address, gate

    def get(self, address: str, _port: int, _host_key: HostKey) -> FakeAgent:
        if address == self._address:
            self._gate.wait(SECONDS)
        return self._agent


class _Together(FakeAgent):
    """``agent``, but none of the nodes at ``addresses`` answers before all of them are asked."""

    def __init__(self, agent: FakeAgent, addresses: set[str]) -> None:
        super().__init__()
        self._agent, self._addresses = agent, addresses
        self._asked = threading.Barrier(len(addresses))

    def get(self, address: str, _port: int, _host_key: HostKey) -> FakeAgent:
        if address in self._addresses:
            self._asked.wait(SECONDS)
        return self._agent


@contextmanager
def _sweeping(
    world: World,
    start: Callable[[uuid.UUID], None],
    *,
    seconds: float,
    chores: tuple[Callable[[Actor], None], ...] = (),
) -> Iterator[None]:
    stop = threading.Event()
    rounds = Rounds(kinds=KINDS, chores=chores, seconds=seconds)
    thread = threading.Thread(target=run_forever, args=(world.app, rounds, start, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(SECONDS)
    assert not thread.is_alive()


def _wait_until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < end
        db.session.commit()
        time.sleep(0.02)


def _state(box: uuid.UUID) -> str:
    db.session.commit()
    return db.session.get_one(Mailbox, box, populate_existing=True).state


@pytest.fixture
def engine(world: World) -> Iterator[Engine]:
    engine = Engine(world)
    yield engine
    engine.worker.close()
