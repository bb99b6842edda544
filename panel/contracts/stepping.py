"""What workers do with steps day by day: plan those of contracts that end, announce them, and let them hold."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import and_, insert, or_, select, update

from panel.contracts.entitlements import database_today
from panel.contracts.grades import finals, regrade
from panel.contracts.models import Contract, final_day
from panel.contracts.steps import END, SUSPENSION, ContractStep, end_schedule, notice_days, words_of
from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import database_now, db, one_at_a_time, unit_of_work, utcnow
from panel.ledger.closings import list_closings
from panel.ledger.events import record_many
from panel.ledger.notices import tell_many

AHEAD_DAYS = 90
"""How long before the end of a contract that nothing follows its steps are planned, to be seen in advance."""

_WAITS = and_(ContractStep.taken_at.is_(None), ContractStep.cancelled_at.is_(None))
_QUIET: dict[str, Any] = {"synchronize_session": False}


def carry_out_steps(actor: Actor) -> int:
    """Plan, announce and take the steps that are due by the database's clock; return how many hold from now on.

    No step holds before its announcement is as old as settings demand: after a time in which nothing was announced,
    its day moves. Nothing is done while the panel is closed after a restore: somebody may have resumed a contract since
    the backup.
    """
    require(actor, "contracts:write", staff=True)
    if any(closing.node_id is None for closing in list_closings()):
        return 0
    with unit_of_work():
        one_at_a_time("contracts")
        day = database_today()
        _plan_ends(day)
        _announce(day)
        taken = _take(actor, day)
        regrade(actor, day)
    return taken


_Key = tuple[uuid.UUID, str, date]
"""Which step after which end: contract, level, last day."""


def _plan_ends(day: date) -> None:
    """Have the steps of every contract that ends without another one after it, and of no others."""
    wanted, there = _wanted_ends(day), _known_ends()
    _cancel([step_id for key, step_id in there.items() if key not in wanted])
    over = select(ContractStep.id).join(ContractStep.contract)
    over = over.where(_WAITS, ContractStep.why == SUSPENSION, final_day < day)
    _cancel(list(db.session.scalars(over)))  # what was planned for a contract that is over gives way to these
    new = [key for key in wanted if key not in there]
    rows = [
        {"id": step_id, "contract_id": key[0], "level": key[1], "after_day": key[2], "takes_on": wanted[key]}
        for step_id, key in zip(new_ids(len(new)), new, strict=True)
    ]
    execute_many(insert(ContractStep).values(why=END, created_at=utcnow(), cancelled_by=""), rows)


def _wanted_ends(day: date) -> dict[_Key, date]:
    """On which day each step after the end of a member's last contract is taken, as far as it can be told by now."""
    last = finals()
    same = and_(last.c.member_id == Contract.member_id, last.c.last_day == final_day)
    rows = db.session.execute(
        select(Contract.id, Contract.member_id, last.c.last_day).join(last, same)
        .where(last.c.last_day <= day + timedelta(days=AHEAD_DAYS)).order_by(Contract.id)
    )  # fmt: skip
    newest = {row.member_id: row for row in rows}
    return {
        (row.id, level, row.last_day): row.last_day + timedelta(days=days)
        for row in newest.values()
        for level, days in end_schedule().items()
    }


def _known_ends() -> dict[_Key, uuid.UUID]:
    """Steps after ends that are planned, hold, or were taken back by somebody."""
    step = ContractStep
    kept = or_(step.cancelled_at.is_(None), step.cancelled_by != "")
    rows = db.session.execute(
        select(step.id, step.contract_id, step.level, step.after_day).where(step.why == END, kept)
    )
    return {(row.contract_id, row.level, row.after_day): row.id for row in rows}


def _cancel(ids: Sequence[uuid.UUID]) -> None:
    for part in _parts(ids):
        statement = update(ContractStep).where(ContractStep.id.in_(part), ContractStep.cancelled_at.is_(None))
        db.session.execute(statement.values(cancelled_at=database_now()), execution_options=_QUIET)


def _announce(day: date) -> None:
    """Tell of steps whose time has come; where that is later than it should be, they and all after them wait."""
    early = notice_days()
    waiting = and_(_WAITS, ContractStep.announced_at.is_(None))
    bound = day + timedelta(days=max(early.values(), default=0))
    due = select(ContractStep.contract_id).where(waiting, ContractStep.takes_on <= bound)
    query = select(ContractStep).where(waiting, ContractStep.contract_id.in_(due))
    by_plan: dict[tuple[uuid.UUID, str], timedelta] = {}
    announced: list[ContractStep] = []
    for step in db.session.scalars(query.order_by(ContractStep.takes_on, ContractStep.id)).unique():
        plan, least = (step.contract_id, step.why), day + timedelta(days=early.get(step.level, 0))
        delay = by_plan.setdefault(plan, timedelta())
        if step.takes_on + delay < least:
            delay = by_plan[plan] = least - step.takes_on
        if delay:
            step.takes_on += delay
        if step.takes_on <= least:
            step.announced_at = utcnow()
            announced.append(step)
    tell_many(
        "contract:step",
        "contracts:read",
        (
            (step.contract.member_id, {"number": step.contract.number, "level": step.level, "reason": words_of(step)[0],
                                       "contact": words_of(step)[1], "takes_on": step.takes_on.isoformat()})
            for step in announced
        ),
    )  # fmt: skip
    db.session.flush()


def _take(actor: Actor, day: date) -> int:
    query = select(ContractStep).where(_WAITS, ContractStep.announced_at.is_not(None), ContractStep.takes_on <= day)
    steps = list(db.session.scalars(query.order_by(ContractStep.takes_on, ContractStep.id)).unique())
    for step in steps:
        step.taken_at = utcnow()
        if step.why == SUSPENSION:
            step.contract.suspended = step.level
    tell_many(
        "contract:stopped",
        "contracts:read",
        (
            (step.contract.member_id, {"number": step.contract.number, "level": step.level, "reason": words_of(step)[0],
                                       "contact": words_of(step)[1]})
            for step in steps
        ),
    )  # fmt: skip
    record_many(
        actor,
        (
            {"tag": "contracts:contract:step", "kind": "contract", "resource_id": step.contract_id,
             "name": step.contract.number, "member_id": step.contract.member_id, "data": {"suspended": step.level}}
            for step in steps
        ),
    )  # fmt: skip
    db.session.flush()
    return len(steps)


def _parts(ids: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    for start in range(0, len(ids), 500):
        yield ids[start : start + 500]
