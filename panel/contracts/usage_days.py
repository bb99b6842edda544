"""How use and grants grow: one row a day for each member and kind, for plots over a year."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import date, timedelta

from sqlalchemy import ForeignKey, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.contracts.entitlements import MEMBERSHIP, database_today
from panel.contracts.models import Contract, ContractItem, Service, final_day
from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many
from panel.kernel.db import Base, db, one_at_a_time, unit_of_work
from panel.ledger.usage import Usage

KEPT_DAYS = 800


class UsageDay(Base):
    """What a member used of one kind, and what it was granted, at the beginning of a day."""

    __tablename__ = "usage_days"

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True, index=True)
    used: Mapped[int]
    granted: Mapped[int]


def note_usage(actor: Actor) -> int:
    """Write the rows of today, once a day by the database's clock; return how many there were to write."""
    require(actor, "entitlements:read", staff=True)
    day = database_today()
    if _noted(day):
        return 0
    with unit_of_work():
        one_at_a_time("usage_days")
        if _noted(day):
            return 0
        granted = granted_by_member(day)
        usage = db.session.execute(select(Usage.member_id, Usage.kind, Usage.amount)).all()
        rows = [
            {"member_id": row.member_id, "kind": row.kind, "used": row.amount,
             "granted": granted[row.member_id][row.kind] + MEMBERSHIP.get(row.kind, 0)}
            for row in usage
        ]  # fmt: skip
        execute_many(insert(UsageDay).values(day=day), rows)
        db.session.execute(delete(UsageDay).where(UsageDay.day < day - timedelta(days=KEPT_DAYS)))
    return len(rows)


def granted_by_member(on: date) -> dict[uuid.UUID, dict[str, int]]:
    """What contracts grant on a day, by member and kind, membership aside; one query however many there are."""
    item = ContractItem
    holds = [
        Contract.starts_on <= on,
        Contract.suspended.is_(None),
        or_(final_day.is_(None), final_day >= on),
        func.coalesce(item.starts_on, Contract.starts_on) <= on,
        or_(item.ends_on.is_(None), item.ends_on >= on),
    ]
    query = select(Contract.member_id, item.service_code, func.sum(item.quantity).label("quantity"))
    query = query.join(item, item.contract_id == Contract.id).where(*holds)
    units = {service.code: service.entitlements for service in db.session.scalars(select(Service))}
    totals: dict[uuid.UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in db.session.execute(query.group_by(Contract.member_id, item.service_code)):
        for kind, amount in units[row.service_code].items():
            if isinstance(amount, int):
                totals[row.member_id][kind] += amount * int(row.quantity)
    return totals


def usage_of(member_id: uuid.UUID, kind: str, *, days: int = 365) -> list[UsageDay]:
    """The rows of the last ``days``, the oldest first. Whether one may see them is the caller's rule."""
    since = database_today() - timedelta(days=days)
    query = select(UsageDay).where(UsageDay.member_id == member_id, UsageDay.kind == kind, UsageDay.day >= since)
    return list(db.session.scalars(query.order_by(UsageDay.day)))


def _noted(day: date) -> bool:
    return db.session.scalar(select(UsageDay.member_id).where(UsageDay.day == day).limit(1)) is not None
