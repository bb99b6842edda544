"""Nodes are asked how much mailboxes hold: a little at a time, and only what is news goes into the database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from panel.engine.exchange import Exchange
from panel.engine.use import use_asker
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import NotAllowed
from panel.ledger.nodes import Node
from panel.mail.actions import NewMailbox, create_mailboxes
from panel.mail.models import Mailbox
from panel.mail.use import keep_use, known_since
from provisioning.ssh import Unreachable
from tests.engine.fakes import FakeAgent
from tests.worlds import SHARED, World, actor


def test_what_is_news_is_kept_with_the_mark_and_nodes_are_asked_now_and_then(world: World) -> None:
    first, second = _boxes(world, 2)
    told = [{first.id: 1, second.id: 3 * 1024 + 1, uuid.uuid4(): 5}, {second.id: -1}, {}]
    agent = _agent(lambda asked: {"use": told[asked], "mark": 7 + asked, "more": asked == 0})
    ask = _asker(agent)
    ask(SYSTEM)
    node = _node(world)
    assert [(one["after"], one["seconds"]) for one in agent.requests] == [(0, 0.25), (7, 0.0)]
    assert (node.use_mark, _held(first), _held(second)) == (8, 1, None)
    assert known_since(db.session.get_one(Mailbox, first.id)) is not None
    ask(SYSTEM)
    assert len(agent.requests) == 2
    _set(world, use_asked_at=database_now(-31))
    ask(SYSTEM)
    assert (_node(world).use_mark, _held(first)) == (9, 1)
    assert _node(world).updated_at == node.updated_at


@pytest.mark.parametrize(
    "told",
    [
        {"use": {"x": 1}, "mark": 1, "more": False},
        {"use": {str(uuid.uuid4()): 1.5}, "mark": 1, "more": False},
        {"use": {}, "mark": -1, "more": True},
        {"use": [], "mark": 1, "more": True},
    ],
)
@pytest.mark.one_database
def test_what_is_no_use_changes_nothing(world: World, told: dict[str, Any]) -> None:
    agent = _agent(lambda _asked: told)
    _asker(agent)(SYSTEM)
    assert (_node(world).use_mark, len(agent.requests)) == (0, 1)


@pytest.mark.one_database
def test_an_older_agent_and_one_that_is_away_tell_nothing_and_are_no_fault(world: World) -> None:
    old, away = _agent(lambda _asked: {}), _agent(lambda _asked: {})
    old.protocol = 3
    away.before = [Unreachable("no route")]
    for agent in (old, away):
        _set(world, use_asked_at=None)
        _asker(agent)(SYSTEM)
    assert old.requests == []
    assert (_node(world).use_mark, _node(world).problem_code) == (0, None)
    with pytest.raises(NotAllowed):
        _asker(old)(actor("support"))


def _boxes(world: World, count: int) -> list[Mailbox]:
    wanted = [NewMailbox(member_id=world.koscian.id, address=f"koscian.u{one}@{SHARED}") for one in range(count)]
    return [changed.mailbox for changed in create_mailboxes(SYSTEM, wanted)]


def _agent(told: Callable[[int], dict[str, Any]]) -> FakeAgent:
    agent = FakeAgent()
    agent.protocol = 4

    def answer(_message: dict[str, Any]) -> dict[str, Any]:
        one = told(len(agent.requests) - 1)
        use = one["use"]
        return {"whole_seconds": 3.5} | one | {"use": {str(id_): kib for id_, kib in use.items()} if use else use}

    agent.answers["use"] = answer
    return agent


def _asker(agent: FakeAgent) -> Callable[[Actor], None]:
    return use_asker(Exchange(sessions=agent), keep_use)  # type: ignore[arg-type]  # answers as sessions do


def _held(box: Mailbox) -> int | None:
    return (
        db.session.scalars(select(Mailbox).where(Mailbox.id == box.id).execution_options(populate_existing=True))
        .unique()
        .one()
        .used_mb
    )


def _node(world: World) -> Node:
    return db.session.get_one(Node, world.node.id, populate_existing=True)


def _set(world: World, **values: Any) -> None:
    with unit_of_work():
        db.session.execute(update(Node).where(Node.id == world.node.id).values(**values))
