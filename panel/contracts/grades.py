"""From contracts to grades: how far each member is held back, all its contracts taken together."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import current_app
from sqlalchemy import Select, Subquery, and_, func, or_, select

from panel.contracts.models import SUSPENSION_LEVELS, Contract, final_day
from panel.contracts.steps import END, ContractStep
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.members.grading import Grading, set_grades
from panel.members.models import Member


@dataclass(frozen=True, kw_only=True)
class Held:
    """How far a member is held back, and what those whom it stops are told."""

    level: str
    reason: str
    contact: str


def regrade(actor: Actor, day: date, member_ids: Collection[uuid.UUID] | None = None) -> list[uuid.UUID]:
    """Set the grade of each member (None: of all) whose contracts say another one; return those that changed.

    Within the running unit of work. The strictest level holds of its suspended contracts in force; where all contracts
    are over, that of the last one and the steps taken since. A contract that is still to come counts as not over.
    """
    wanted = held(day, member_ids)
    query = select(Member.id, Member.grade, Member.grade_reason, Member.grade_contact)
    query = query.where(or_(Member.grade.is_not(None), Member.id.in_(wanted)) if member_ids is None
                        else Member.id.in_(member_ids))  # fmt: skip
    new = {}
    for row in db.session.execute(query.order_by(Member.id)):
        now = wanted.get(row.id)
        told = (now.level, now.reason, now.contact) if now else (None, "", "")
        if told != (row.grade, row.grade_reason, row.grade_contact):
            new[row.id] = Grading(grade=told[0], reason=told[1], contact=told[2])
    return set_grades(actor, new)


def held(day: date, member_ids: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, Held]:
    """Members that are held back on ``day``."""
    found: dict[uuid.UUID, list[Held]] = {}
    for query in (_suspended(day), _left_suspended(day), _ended(day)):
        narrowed = query if member_ids is None else query.where(Contract.member_id.in_(member_ids))
        for row in db.session.execute(narrowed):
            found.setdefault(row.member_id, []).append(_held(row))
    return {member_id: _hardest(levels) for member_id, levels in found.items()}


def finals() -> Subquery:
    """Members none of whose contracts lasts for an unlimited time: ``member_id`` and the latest ``last_day``."""
    query = select(Contract.member_id, func.max(final_day).label("last_day")).group_by(Contract.member_id)
    return query.having(func.count() == func.count(final_day)).subquery("finals")


def _suspended(day: date) -> Select[Any]:
    """Suspended contracts in force."""
    lasts = or_(final_day.is_(None), final_day >= day)
    return _levels(Contract.suspended).where(Contract.suspended.is_not(None), Contract.starts_on <= day, lasts)


def _left_suspended(day: date) -> Select[Any]:
    """Contracts that were suspended when they ended, as the last ones of their members."""
    over = finals()
    at_end = and_(over.c.member_id == Contract.member_id, over.c.last_day == final_day, over.c.last_day < day)
    return _levels(Contract.suspended).join(over, at_end).where(Contract.suspended.is_not(None))


def _ended(day: date) -> Select[Any]:
    """Steps taken since the last contract of a member ended."""
    over = finals()
    ended = and_(over.c.member_id == Contract.member_id, over.c.last_day < day)
    taken = and_(ContractStep.taken_at.is_not(None), ContractStep.cancelled_at.is_(None), ContractStep.why == END)
    return (
        _levels(ContractStep.level)
        .join(ContractStep, ContractStep.contract_id == Contract.id)
        .join(over, ended)
        .where(taken)
    )


def _levels(level: Any) -> Select[Any]:
    return select(
        Contract.member_id, Contract.number, level.label("level"), Contract.suspended_reason, Contract.suspended_contact
    ).select_from(Contract)


def _held(row: Any) -> Held:
    """How far a row holds its member back; a contract that ended without having been suspended has no words itself."""
    settings = current_app.config["CIS"]
    return Held(
        level=row.level,
        reason=row.suspended_reason or f"{settings.end_reason}: {row.number}",
        contact=row.suspended_contact or settings.association_contact,
    )


def _hardest(found: Sequence[Held]) -> Held:
    return max(found, key=lambda one: SUSPENSION_LEVELS.index(one.level))
