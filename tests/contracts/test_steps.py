"""Suspension by steps: planned, announced in time, taken on their days, taken back; and what grade follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from panel.contracts.actions import end_contract, resume_contract, suspend_contract, update_contract
from panel.contracts.entitlements import today
from panel.contracts.models import Contract
from panel.contracts.stepping import carry_out_steps
from panel.contracts.steps import END, ContractStep, steps_of
from panel.contracts.suspending import cancel_step, plan_suspension
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed
from panel.ledger.closings import close, open_again
from panel.ledger.notices import Notice
from panel.mail.actions import create_mailbox
from panel.members.models import Member
from tests.worlds import SHARED, World, grant
from tests.writers import at_once

DAY = timedelta(days=1)


def test_a_plan_is_announced_and_taken_step_by_step_and_resumed_as_a_whole(
    world: World, on: Callable[[date], None]
) -> None:
    contract, start = grant(world.smigiel, lists=1), today()
    _plan(contract, no_new=0, no_send=14, no_login=30, closed=60)
    assert _grade(world.smigiel) == ("no_new", "Zaległość", "65 512 00 00")
    seen = {}
    for days in (6, 7, 13, 14, 22, 23, 30, 53, 60):
        on(start + days * DAY)
        carry_out_steps(SYSTEM)
        seen[days] = (_grade(world.smigiel)[0], len(_told("contract:step")), len(_told("contract:stopped")))
    assert seen == {
        6: ("no_new", 0, 0), 7: ("no_new", 1, 0), 13: ("no_new", 1, 0), 14: ("no_send", 1, 1), 22: ("no_send", 1, 1),
        23: ("no_send", 2, 1), 30: ("no_login", 2, 2), 53: ("no_login", 3, 2), 60: ("closed", 3, 3),
    }  # fmt: skip
    first = _told("contract:step")[0].params
    assert (first["level"], first["takes_on"], first["contact"]) == (
        "no_send", (start + 14 * DAY).isoformat(), "65 512 00 00")  # fmt: skip
    resume_contract(SYSTEM, contract.id)
    assert (_grade(world.smigiel)[0], steps_of(contract.id)) == (None, [])
    on(start + 90 * DAY)
    assert carry_out_steps(SYSTEM) == 0
    assert _grade(world.smigiel)[0] is None


def test_what_nobody_was_told_of_in_time_waits_with_all_after_it(world: World, on: Callable[[date], None]) -> None:
    contract, start = grant(world.smigiel, lists=1), today()
    _plan(contract, no_send=10, no_login=20)
    on(start + 30 * DAY)
    assert carry_out_steps(SYSTEM) == 0
    assert [(step.state, step.takes_on) for step in steps_of(contract.id)] == [
        ("announced", start + 37 * DAY), ("planned", start + 47 * DAY)]  # fmt: skip
    on(start + 37 * DAY)
    assert carry_out_steps(SYSTEM) == 1
    assert _grade(world.smigiel)[0] == "no_send"


def test_one_step_taken_back_leaves_the_milder_one_and_the_rest_of_the_plan(
    world: World, on: Callable[[date], None]
) -> None:
    contract, start = grant(world.smigiel, lists=1), today()
    first, second, third = _plan(contract, no_new=0, no_send=7, no_login=30)
    on(start + 1 * DAY)
    carry_out_steps(SYSTEM)
    on(start + 7 * DAY)
    carry_out_steps(SYSTEM)
    assert _grade(world.smigiel)[0] == "no_send"
    cancel_step(SYSTEM, second.id)
    assert _grade(world.smigiel)[0] == "no_new"
    with pytest.raises(Conflict):
        cancel_step(SYSTEM, second.id)
    cancel_step(SYSTEM, first.id)
    assert _grade(world.smigiel)[0] is None
    assert [step.id for step in steps_of(contract.id)] == [third.id]
    assert len(_told("contract:step-undone")) == 2


@pytest.mark.one_database
def test_a_plan_without_sense_is_refused_where_it_is_wrong(world: World) -> None:
    contract = grant(world.smigiel, lists=1)
    bad: list[tuple[list[tuple[str, int | None]], str, str]] = [
        ([], "required", "steps"),
        ([("no_send", 14), ("no_new", 20)], "step_milder", "steps.1.level"),
        ([("no_new", 14), ("no_send", 14)], "step_order", "steps.1.takes_on"),
        ([("no_send", 6)], "step_soon", "steps.0.takes_on"),
        ([("no_new", -1)], "step_soon", "steps.0.takes_on"),
        ([("everything", 9)], "choice", "steps.0.level"),
        ([("closed", None)], "required", "steps.0.takes_on"),
    ]
    for steps, code, field in bad:
        asked = [{"level": level, "takes_on": None if days is None else today() + days * DAY} for level, days in steps]
        with pytest.raises(Invalid) as refused:
            plan_suspension(SYSTEM, contract.id, steps=asked, reason="Zaległość")
        assert (refused.value.code, refused.value.field) == (code, field)
    with pytest.raises(NotAllowed):
        plan_suspension(world.member_admin(world.smigiel), contract.id, steps=asked, reason="Zaległość")
    assert steps_of(contract.id) == []


def test_a_contract_resumed_while_a_step_runs_is_free(world: World) -> None:
    contract = grant(world.smigiel, lists=1)
    (step,) = _plan(contract, no_send=7)
    with unit_of_work():
        db.session.get_one(ContractStep, step.id).takes_on = today()
    run, resume = partial(carry_out_steps, SYSTEM), partial(resume_contract, SYSTEM, contract.id)
    done = at_once(world.app, [run, resume, run])
    assert not [one for one in done if isinstance(one, Exception)], done
    db.session.rollback()
    assert (_grade(world.smigiel)[0], steps_of(contract.id)) == (None, [])


def test_of_two_suspended_contracts_the_stricter_one_holds_while_both_are_in_force(
    world: World, on: Callable[[date], None]
) -> None:
    one, two, third = (grant(world.smigiel, lists=1) for _ in range(3))
    suspend_contract(SYSTEM, one.id, level="no_send", reason="pierwsza")
    suspend_contract(SYSTEM, two.id, level="no_login", reason="druga", contact="x")
    assert _grade(world.smigiel) == ("no_login", "druga", "x")
    assert _grade(world.koscian)[0] is None
    end_contract(SYSTEM, two.id, ended_on=today())
    assert _grade(world.smigiel)[0] == "no_login", "its last day is today"
    on(today() + DAY)
    carry_out_steps(SYSTEM)
    assert _grade(world.smigiel)[:2] == ("no_send", "pierwsza")
    update_contract(SYSTEM, one.id, member_id=world.koscian.id)
    assert (_grade(world.smigiel)[0], _grade(world.koscian)[0]) == (None, "no_send")
    assert third.suspended is None


def test_a_contract_that_nothing_follows_leads_to_steps_seen_in_advance(
    world: World, on: Callable[[date], None]
) -> None:
    contract, last = grant(world.smigiel, lists=1), today() + 20 * DAY
    end_contract(SYSTEM, contract.id, ended_on=last)
    carry_out_steps(SYSTEM)
    plan = [(step.level, (step.takes_on - last).days, step.state) for step in steps_of(contract.id)]
    assert plan == [("no_new", 1, "planned"), ("no_send", 30, "planned"), ("no_login", 60, "planned"),
                    ("closed", 90, "planned")]  # fmt: skip
    grades = []
    for days in (0, 1, 23, 29, 30, 53, 60, 83, 89, 90, 400):
        on(last + days * DAY)
        carry_out_steps(SYSTEM)
        grades.append(_grade(world.smigiel)[0])
    assert grades == [None, *["no_new"] * 3, *["no_send"] * 2, *["no_login"] * 3, "closed", "closed"]
    assert contract.number in _grade(world.smigiel)[1]
    update_contract(SYSTEM, contract.id, ends_on=None)
    contract.ended_on = None
    db.session.commit()
    carry_out_steps(SYSTEM)
    assert (_grade(world.smigiel)[0], steps_of(contract.id, why=END)) == (None, [])


def test_another_contract_that_lasts_keeps_steps_away_and_takes_them_back(
    world: World, on: Callable[[date], None]
) -> None:
    contract, last = grant(world.smigiel, lists=1), today() - 40 * DAY
    end_contract(SYSTEM, contract.id, ended_on=last)
    carry_out_steps(SYSTEM)
    for days, level in ((22, "no_new"), (28, "no_new"), (29, "no_send")):
        on(today() + days * DAY)
        carry_out_steps(SYSTEM)
        assert _grade(world.smigiel)[0] == level, "begun late, so all is later, with the same time between"
    new = grant(world.smigiel, lists=1)
    assert carry_out_steps(SYSTEM) == 0
    assert (_grade(world.smigiel)[0], steps_of(contract.id)) == (None, [])
    end_contract(SYSTEM, new.id, ended_on=today() + 30 * DAY)
    carry_out_steps(SYSTEM)
    assert {step.contract_id for step in db.session.scalars(select(ContractStep)) if step.cancelled_at is None} == {
        new.id
    }


def test_an_end_step_taken_back_by_a_person_does_not_come_again(world: World, on: Callable[[date], None]) -> None:
    contract = grant(world.smigiel, lists=1)
    end_contract(SYSTEM, contract.id, ended_on=today() - DAY)
    carry_out_steps(SYSTEM)
    held = next(step for step in steps_of(contract.id) if step.taken_at is not None)
    assert (held.level, _grade(world.smigiel)[0]) == ("no_new", "no_new")
    cancel_step(SYSTEM, held.id)
    assert carry_out_steps(SYSTEM) == 0
    assert _grade(world.smigiel)[0] is None
    assert [step.level for step in steps_of(contract.id)] == ["no_send", "no_login", "closed"]


@pytest.mark.one_database
def test_after_a_restore_no_step_is_taken_before_a_person_opened_the_panel(world: World) -> None:
    end_contract(SYSTEM, grant(world.smigiel, lists=1).id, ended_on=today() - DAY)
    with unit_of_work():
        close("restored")
    assert (carry_out_steps(SYSTEM), _grade(world.smigiel)[0]) == (0, None)
    with unit_of_work():
        open_again("restored")
    assert (carry_out_steps(SYSTEM), _grade(world.smigiel)[0]) == (1, "no_new")


def test_a_contract_that_ends_suspended_is_not_freed_by_its_end(world: World, on: Callable[[date], None]) -> None:
    contract = grant(world.smigiel, lists=1)
    suspend_contract(SYSTEM, contract.id, level="no_login", reason="Zaległość")
    end_contract(SYSTEM, contract.id, ended_on=today())
    for days in (0, 1, 10):
        on(today() + days * DAY)
        carry_out_steps(SYSTEM)
        assert _grade(world.smigiel)[:2] == ("no_login", "Zaległość")


def test_nothing_new_is_made_while_held_back_and_the_reason_is_told(world: World) -> None:
    contract = grant(world.koscian, lists=1)
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"koscian.a@{SHARED}")
    suspend_contract(SYSTEM, contract.id, level="no_new", reason="Zaległość", contact="Anna, 65 512 00 00")
    with pytest.raises(Conflict) as stopped:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"koscian.b@{SHARED}")
    assert stopped.value.code == "member_held"
    assert stopped.value.params == {"level": "no_new", "reason": "Zaległość", "contact": "Anna, 65 512 00 00"}
    resume_contract(SYSTEM, contract.id)
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"koscian.b@{SHARED}")


def _plan(contract: Contract, **days: int) -> list[ContractStep]:
    steps: list[dict[str, Any]] = [{"level": level, "takes_on": today() + n * DAY} for level, n in days.items()]
    return plan_suspension(SYSTEM, contract.id, steps=steps, reason="Zaległość", contact="65 512 00 00")


def _grade(member: Member) -> tuple[str | None, str, str]:
    row = db.session.get_one(Member, member.id, populate_existing=True)
    return row.grade, row.grade_reason, row.grade_contact


def _told(code: str) -> list[Notice]:
    return list(db.session.scalars(select(Notice).where(Notice.code == code).order_by(Notice.id)))
