"""Suspending by a plan: which level from which day on, announced before, taken back step by step or as a whole."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from panel.contracts.actions import get_contract
from panel.contracts.entitlements import database_today
from panel.contracts.grades import regrade
from panel.contracts.models import SUSPENSION_LEVELS, Contract
from panel.contracts.steps import SUSPENSION, ContractStep, cancel, notice_days, steps_of, strictest
from panel.contracts.values import day as checked_day
from panel.contracts.values import line
from panel.kernel.access import Actor, require
from panel.kernel.db import db, new_id, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.ledger.events import record
from panel.ledger.notices import tell_holders


def plan_suspension(
    actor: Actor, contract_id: uuid.UUID, *, steps: Sequence[Mapping[str, Any]], reason: str, contact: str = ""
) -> list[ContractStep]:
    """Plan how a contract is suspended: ``steps`` of ``level`` and ``takes_on``, each stricter and later than the last.

    What was planned before is cancelled, what holds goes on to hold. A step of today holds at once. ``reason`` and
    ``contact`` are shown to those who are stopped.
    Raises Invalid naming ``steps.ROW.FIELD``; ``step_soon`` where nobody could be told as early as settings demand.
    """
    require(actor, "contracts:write", staff=True)
    words = {"suspended_reason": line("reason", reason), "suspended_contact": line("contact", contact, empty=True)}
    with unit_of_work():
        contract = get_contract(actor, contract_id, for_change=True)
        today = database_today()
        known = steps_of(contract_id, why=SUSPENSION)
        new = _read(contract, steps, today)
        cancel([step for step in known if step.taken_at is None])
        for name, value in words.items():
            setattr(contract, name, value)
        db.session.add_all(new)
        _record(actor, contract, "plan", suspended_reason=reason, steps=_in_words(new))
        tell_holders("contract:plan", "contracts:read", contract.member_id, number=contract.number, reason=reason,
                     contact=contact, steps=_in_words(new))  # fmt: skip
        _take_those_of(actor, contract, new, today)
    return new


def check_plan(
    actor: Actor, contract_id: uuid.UUID, *, steps: Sequence[Mapping[str, Any]], reason: str, contact: str = ""
) -> Contract:
    """Go on only if ``plan_suspension`` would take this. Raises as it does, and writes nothing."""
    require(actor, "contracts:write", staff=True)
    contract = get_contract(actor, contract_id)
    line("reason", reason)
    line("contact", contact, empty=True)
    _read(contract, steps, database_today())
    return contract


def earliest_days() -> dict[str, date]:
    """From which day on each level can be planned today."""
    today = database_today()
    return {level: today + timedelta(days=notice_days().get(level, 0)) for level in SUSPENSION_LEVELS}


def cancel_step(actor: Actor, step_id: uuid.UUID) -> Contract:
    """Take one step back: one to come does not come, one that holds is undone and the milder one before it holds.

    Raises NotFound, Conflict ``step_cancelled``.
    """
    require(actor, "contracts:write", staff=True)
    with unit_of_work():
        step = db.session.get(ContractStep, step_id)
        if step is None:
            raise NotFound("not_found")
        contract = get_contract(actor, step.contract_id, for_change=True)
        step = read_row(ContractStep, step_id, for_change=True)
        if step is None or step.cancelled_at is not None:
            raise Conflict("step_cancelled")
        cancel([step], by=actor.ref)
        db.session.flush()
        if step.why == SUSPENSION:
            left = steps_of(contract.id, why=SUSPENSION)
            contract.suspended = strictest([one.level for one in left if one.taken_at is not None])
        _record(actor, contract, "undo", suspended=step.level, day=step.takes_on.isoformat())
        if step.taken_at is not None:
            tell_holders("contract:step-undone", "contracts:read", contract.member_id, number=contract.number,
                         level=step.level)  # fmt: skip
        db.session.flush()
        regrade(actor, database_today(), [contract.member_id])
    return contract


def _read(contract: Contract, steps: Sequence[Mapping[str, Any]], today: date) -> list[ContractStep]:
    if not steps:
        raise Invalid("required", field="steps")
    new: list[ContractStep] = []
    for row, given in enumerate(steps):
        level, takes_on = given.get("level"), checked_day(f"steps.{row}.takes_on", given.get("takes_on"))
        if level not in SUSPENSION_LEVELS:
            raise Invalid("choice", field=f"steps.{row}.level", choices=", ".join(SUSPENSION_LEVELS))
        before = new[-1].level if new else contract.suspended
        if before is not None and SUSPENSION_LEVELS.index(level) <= SUSPENSION_LEVELS.index(before):
            raise Invalid("step_milder", field=f"steps.{row}.level", level=before)
        if new and takes_on <= new[-1].takes_on:
            raise Invalid("step_order", field=f"steps.{row}.takes_on")
        least = today + timedelta(days=notice_days().get(level, 0))
        if takes_on < least:
            raise Invalid("step_soon", field=f"steps.{row}.takes_on", day=least.isoformat())
        new.append(ContractStep(id=new_id(), contract_id=contract.id, why=SUSPENSION, level=level, takes_on=takes_on))
    return new


def _take_those_of(actor: Actor, contract: Contract, steps: Sequence[ContractStep], today: date) -> None:
    """What is planned for today holds at once; of what is near the plan itself has told."""
    for step in steps:
        if step.takes_on <= today + timedelta(days=notice_days().get(step.level, 0)):
            step.announced_at = utcnow()
        if step.takes_on <= today:
            step.taken_at = utcnow()
            contract.suspended = step.level
            _record(actor, contract, "step", suspended=step.level)
    db.session.flush()
    regrade(actor, today, [contract.member_id])


def _in_words(steps: Sequence[ContractStep]) -> list[list[str]]:
    return [[step.level, step.takes_on.isoformat()] for step in steps]


def _record(actor: Actor, contract: Contract, action: str, **data: Any) -> None:
    record(
        actor,
        f"contracts:contract:{action}",
        kind="contract",
        resource_id=contract.id,
        name=contract.number,
        member_id=contract.member_id,
        **data,
    )
