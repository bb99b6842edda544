"""Before a contract ends: a task 90, 60 and 30 days ahead, once each, whatever happens to clocks and dates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from panel.contracts.actions import end_contract, update_contract
from panel.contracts.ending import ContractTask, finish_task, make_tasks, tasks_query
from panel.contracts.entitlements import today
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, NotAllowed
from panel.ledger.notices import Notice
from tests.worlds import World, actor, grant


def test_each_step_is_a_task_and_a_notice_once(world: World, on: Callable[[date], None]) -> None:
    contract = grant(world.koscian, lists=1)
    last = today() + timedelta(days=365)
    update_contract(SYSTEM, contract.id, ends_on=last)
    seen = []
    for days in (91, 90, 89, 61, 60, 60, 31, 30, 29, 1, 0, -1):
        on(last - timedelta(days=days))
        seen.append((make_tasks(SYSTEM), _open()))
    assert seen == [
        (0, []), (1, [90]), (0, [90]), (0, [90]), (1, [60]), (0, [60]), (0, [60]), (1, [30]), (0, [30]), (0, [30]),
        (0, [30]), (0, [30]),
    ]  # fmt: skip
    told = _told()
    assert [notice.params["days"] for notice in told] == [90, 60, 30]
    assert {(notice.member_id, notice.permission) for notice in told} == {(world.koscian.id, "contracts:read")}
    assert told[0].params["number"] == contract.number
    assert told[0].params["services"].endswith("× 1")


def test_after_a_downtime_the_nearest_step_stands_for_all(world: World, on: Callable[[date], None]) -> None:
    contract = grant(world.koscian, lists=1)
    end_contract(SYSTEM, contract.id, ended_on=today() + timedelta(days=12))
    assert (make_tasks(SYSTEM), make_tasks(SYSTEM)) == (1, 0)
    assert (_open(), [notice.params["days"] for notice in _told()]) == ([30], [12])


def test_a_last_day_moved_back_and_forth_tells_nobody_twice(world: World) -> None:
    contract = grant(world.koscian, lists=1)
    near, far = today() + timedelta(days=50), today() + timedelta(days=500)
    for last, made, left in ((near, 1, [60]), (far, 0, []), (near, 0, [60]), (None, 0, []), (near, 0, [60])):
        update_contract(SYSTEM, contract.id, ends_on=last)
        assert (make_tasks(SYSTEM), _open()) == (made, left)
    assert len(_told()) == 1
    task = db.session.scalars(tasks_query(SYSTEM)).one()
    finish_task(SYSTEM, task.id, note="Aneks podpisany")
    update_contract(SYSTEM, contract.id, ends_on=far)
    update_contract(SYSTEM, contract.id, ends_on=near)
    assert (make_tasks(SYSTEM), _open()) == (0, [])
    update_contract(SYSTEM, contract.id, ends_on=near - timedelta(days=1))
    assert (make_tasks(SYSTEM), _open()) == (1, [60])


def test_a_task_is_done_once_with_a_note_by_the_staff(world: World) -> None:
    contract = grant(world.koscian, lists=1)
    update_contract(SYSTEM, contract.id, ends_on=today() + timedelta(days=5))
    make_tasks(SYSTEM)
    task = db.session.scalars(tasks_query(SYSTEM, search="kościan", step=30, contract_id=contract.id)).one()
    with pytest.raises(Invalid):
        finish_task(SYSTEM, task.id, note="a\x00b")
    with pytest.raises(NotAllowed):
        finish_task(world.member_admin(world.koscian), task.id, note="zrobione")
    staff = actor("provisioner")
    assert finish_task(staff, task.id, note=" Przedłużona ").note == "Przedłużona"
    with pytest.raises(Conflict):
        finish_task(staff, task.id, note="jeszcze raz")
    assert [row.state for row in db.session.scalars(tasks_query(SYSTEM, state="done"))] == ["done"]
    assert list(db.session.scalars(tasks_query(world.member_admin(world.smigiel), state=None))) == []
    assert list(db.session.scalars(tasks_query(world.member_admin(world.koscian), search="śmigiel", state=None))) == []


def _open() -> list[int]:
    return [task.step for task in db.session.scalars(tasks_query(SYSTEM).order_by(ContractTask.id))]


def _told() -> list[Notice]:
    query = select(Notice).where(Notice.code == "contract:ending").order_by(Notice.id)
    return list(db.session.scalars(query))
