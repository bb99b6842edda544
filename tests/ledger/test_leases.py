"""One worker at a time acts on a node, by the database's clock and nobody else's."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Float, null, select, update

from panel.kernel import db as kernel_db
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, read_row, unit_of_work, utcnow
from panel.ledger import nodes
from panel.ledger.nodes import Lease, Node, get_node, list_nodes, release_lease, renew_lease, take_lease
from tests.worlds import World, enrolled_node
from tests.writers import at_once


def test_of_many_workers_one_takes_the_node(world: World) -> None:
    taken = at_once(world.app, [partial(take_lease, world.node.id, owner=name, seconds=30) for name in "abcdefgh"])
    leases = [lease for lease in taken if isinstance(lease, Lease)]
    assert len(leases) == 1
    assert taken.count(None) == 7
    assert _node(world).lease_owner == leases[0].owner


def test_each_lease_has_a_higher_fence(world: World) -> None:
    fences = []
    for owner in "abc":
        lease = take_lease(world.node.id, owner=owner, seconds=30)
        assert lease is not None
        fences.append(lease.fence)
        release_lease(lease)
    assert fences == sorted(set(fences))


def test_an_expired_lease_can_be_taken_and_is_lost_to_its_holder(world: World) -> None:
    first = take_lease(world.node.id, owner="first", seconds=1)
    assert first is not None
    assert take_lease(world.node.id, owner="second", seconds=30) is None
    time.sleep(1.1)
    second = take_lease(world.node.id, owner="second", seconds=30)
    assert second is not None
    assert not renew_lease(first, seconds=30)
    release_lease(first)
    assert _node(world).lease_owner == "second"


def test_a_worker_whose_clock_is_a_day_off_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = take_lease(world.node.id, owner="one", seconds=30)
    assert held is not None
    for days in (1, -1):
        shifted = utcnow() + timedelta(days=days)
        for module in (nodes, kernel_db):
            monkeypatch.setattr(module, "utcnow", lambda shifted=shifted: shifted)
        assert take_lease(world.node.id, owner="other", seconds=30) is None
        assert renew_lease(held, seconds=30)
    expires = _node(world).lease_expires_at
    monkeypatch.undo()
    assert expires is not None
    assert timedelta(seconds=20) < expires - utcnow() < timedelta(seconds=40)


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumped_a_day_freezes_no_node(world: World, days: int) -> None:
    """Taken while the database's clock was ``days`` off: after it came back, the lease ends no later than it should."""
    held = take_lease(world.node.id, owner="one", seconds=30)
    assert held is not None
    with unit_of_work():
        db.session.execute(update(Node).values(lease_expires_at=database_now(days * 86_400 + 30)))
    other = take_lease(world.node.id, owner="other", seconds=30)
    assert other is not None
    assert other.fence > held.fence
    assert not renew_lease(held, seconds=30)


def test_fractions_of_a_second_and_unknown_times_can_be_added(world: World) -> None:
    first, later, never = db.session.execute(
        select(database_now(), database_now(1.25), database_now(null().cast(Float)))
    ).one()
    assert timedelta(seconds=1.2) < later - first < timedelta(seconds=1.3)
    assert never is None


def test_the_databases_clock_can_be_compared_with_what_was_written(world: World) -> None:
    """It is aware, in UTC, and moves within a transaction: a lock that was waited for costs its time."""
    first = db.session.scalar(select(database_now()))
    time.sleep(0.05)
    later = db.session.scalar(select(database_now(60)))
    assert first is not None
    assert later is not None
    assert abs(first - utcnow()) < timedelta(seconds=5)
    assert timedelta(seconds=60.03) < later - first < timedelta(seconds=70)


def test_the_lease_is_no_change_of_the_node(world: World) -> None:
    before = _node(world).updated_at
    lease = take_lease(world.node.id, owner="one", seconds=30)
    assert lease is not None
    release_lease(lease)
    assert _node(world).updated_at == before


def test_enrolling_again_keeps_the_lease_and_never_lowers_the_fence(world: World) -> None:
    lease = take_lease(world.node.id, owner="one", seconds=30)
    assert lease is not None
    enrolled_node("mail1", address="192.0.2.99")
    again = get_node(SYSTEM, world.node.id)
    assert (again.address, again.fence, again.lease_owner) == ("192.0.2.99", lease.fence, "one")


def test_two_enrolments_of_one_name_make_one_node(world: World) -> None:
    made = at_once(world.app, [lambda: enrolled_node("mail2")] * 4)
    assert [type(node) for node in made] == [Node] * 4
    assert len({node.id for node in made}) == 1
    db.session.commit()
    assert [node.name for node in list_nodes(SYSTEM)] == ["mail1", "mail2"]


def _node(world: World) -> Node:
    db.session.commit()
    node = read_row(Node, world.node.id)
    assert node is not None
    return node
