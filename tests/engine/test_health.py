"""Nodes are asked how they are: now and then, only those that answer, and only what is health is kept."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from panel.engine.exchange import Exchange
from panel.engine.health import certificate_expires_at, health_asker
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import NotAllowed
from panel.ledger.nodes import Node
from provisioning.ssh import Unreachable
from tests.engine.fakes import FakeAgent
from tests.web.site import HEALTH
from tests.worlds import World, actor


def test_what_a_node_tells_is_kept_and_asked_for_every_few_minutes(world: World) -> None:
    agent = _agent(HEALTH)
    ask = health_asker(Exchange(sessions=agent))  # type: ignore[arg-type]  # answers as sessions do
    ask(SYSTEM)
    ask(SYSTEM)
    node = _node(world)
    assert [message["op"] for message in agent.requests] == ["health"]
    assert node.health is not None
    assert node.health["queue"] == {"active": 1, "deferred": 12}
    assert node.health_at is not None
    assert certificate_expires_at(node).isoformat() == "2027-03-01T00:00:00+00:00"  # type: ignore[union-attr]  # told above
    _set(world, health_at=database_now(-181))
    ask(SYSTEM)
    assert len(agent.requests) == 2


@pytest.mark.parametrize("told", [{}, HEALTH | {"load": [1]}, HEALTH | {"disks": [{"path": "/"}]}])
def test_what_is_no_health_leaves_what_was_known(world: World, told: dict[str, Any]) -> None:
    health_asker(Exchange(sessions=_agent(told)))(SYSTEM)  # type: ignore[arg-type]  # as above
    assert _node(world).health is None


def test_an_agent_that_cannot_tell_or_cannot_be_reached_is_no_fault_of_the_round(world: World) -> None:
    old, away = _agent(HEALTH), _agent(HEALTH)
    old.protocol = 1
    away.before = [Unreachable("no route")]
    for agent in (old, away):
        health_asker(Exchange(sessions=agent))(SYSTEM)  # type: ignore[arg-type]  # as above
    assert (_node(world).health, _node(world).problem_code) == (None, None)


def test_a_node_with_a_problem_is_not_asked(world: World) -> None:
    _set(world, problem_code="unreachable")
    agent = _agent(HEALTH)
    health_asker(Exchange(sessions=agent))(SYSTEM)  # type: ignore[arg-type]  # as above
    assert agent.requests == []


@pytest.mark.one_database
def test_only_the_panel_itself_asks(world: World) -> None:
    with pytest.raises(NotAllowed):
        health_asker(Exchange(sessions=_agent(HEALTH)))(actor("support"))  # type: ignore[arg-type]  # as above


def _agent(told: dict[str, Any]) -> FakeAgent:
    agent = FakeAgent()
    agent.answers["health"] = lambda _message: told
    return agent


def _node(world: World) -> Node:
    return db.session.get_one(Node, world.node.id, populate_existing=True)


def _set(world: World, **values: Any) -> None:
    with unit_of_work():
        db.session.execute(update(Node).where(Node.id == world.node.id).values(**values))
