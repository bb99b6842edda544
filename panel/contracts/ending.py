"""Before a contract ends: a task for the staff 90, 60 and 30 days ahead, and a notice to the member's people."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ForeignKey, Index, Select, UniqueConstraint, Update, and_, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.contracts.entitlements import database_today
from panel.contracts.models import Contract, ContractItem, final_day
from panel.contracts.values import line
from panel.kernel.access import Actor, require, scoped
from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, one_at_a_time, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, NotFound
from panel.kernel.text import fold
from panel.ledger.events import record, record_many
from panel.ledger.notices import tell_many
from panel.members.models import Member

STEPS = (90, 60, 30)
"""Days before the last day on which somebody has to act."""

TASK_STATES = ("open", "done", "dropped")


class ContractTask(Base):
    """That somebody sees to a contract ``step`` days before ``last_day``: extends it, or tells the member what ends.

    One for each contract, step and last day, whatever the last day was in between. ``dropped_at``: overtaken by a later
    step or by another last day.
    """

    __tablename__ = "contract_tasks"
    __table_args__ = (
        UniqueConstraint("contract_id", "step", "last_day"),
        Index("ix_contract_tasks_waiting", "done_at", "dropped_at", "due_on"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    contract_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contracts.id"))
    step: Mapped[int]
    last_day: Mapped[date]
    due_on: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    dropped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    done_by: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")

    contract: Mapped[Contract] = relationship(lazy="joined")

    @property
    def state(self) -> str:
        """``open``, ``done`` or ``dropped``."""
        if self.done_at is not None:
            return "done"
        return "open" if self.dropped_at is None else "dropped"


def tasks_query(
    actor: Actor,
    *,
    contract_id: uuid.UUID | None = None,
    search: str = "",
    step: int | None = None,
    state: str | None = "open",
) -> Select[ContractTask]:
    """The tasks of contracts in scope; ``search`` covers the contract's number and the member, ``state`` None: all."""
    query = select(ContractTask).join(ContractTask.contract).join(Contract.member)
    query = scoped(actor, "contracts:read", query, Contract.member_id)
    for word in fold(search).split():
        query = query.where(
            or_(Contract.number.icontains(word, autoescape=True), Member.folded.contains(word, autoescape=True))
        )
    if contract_id is not None:
        query = query.where(ContractTask.contract_id == contract_id)
    if step is not None:
        query = query.where(ContractTask.step == step)
    done, dropped = ContractTask.done_at, ContractTask.dropped_at
    states = {
        "open": and_(done.is_(None), dropped.is_(None)),
        "done": done.is_not(None),
        "dropped": and_(done.is_(None), dropped.is_not(None)),
    }
    return query if state is None else query.where(states[state])


def finish_task(actor: Actor, task_id: uuid.UUID, *, note: str) -> ContractTask:
    """Say that a task is done, and what was done. Raises NotFound, Conflict ``task_done``."""
    require(actor, "contracts:write", staff=True)
    with unit_of_work():
        task = read_row(ContractTask, task_id, for_change=True)
        if task is None:
            raise NotFound("not_found")
        if task.done_at is not None:
            raise Conflict("task_done")
        task.done_at, task.done_by, task.note = utcnow(), actor.name, line("note", note)
        contract = task.contract
        record(
            actor,
            "contracts:task:done",
            kind="contract",
            resource_id=contract.id,
            name=contract.number,
            member_id=contract.member_id,
            step=task.step,
        )
    return task


def make_tasks(actor: Actor) -> int:
    """Make the tasks that have come due by the database's clock, and tell the members' people; return how many.

    After a time in which nobody looked, a contract gets the nearest step only. What another last day has overtaken is
    dropped, and taken up again where that day comes back.
    """
    require(actor, "contracts:write", staff=True)
    with unit_of_work():
        one_at_a_time("contract_tasks")
        day = database_today()
        endings = _endings(day)
        known = _known_tasks(day)
        _drop(_overtaken(known.values(), endings))
        current = {(ending.contract_id, ending.step, ending.last_day): ending for ending in endings}
        _take_up([known[key].id for key in current.keys() & known.keys() if known[key].dropped])
        new = [ending for key, ending in current.items() if key not in known]
        _add(actor, new)
    return len(new)


@dataclass(frozen=True, kw_only=True)
class _Ending:
    contract_id: uuid.UUID
    number: str
    member_id: uuid.UUID
    last_day: date
    days: int
    step: int


@dataclass(frozen=True, kw_only=True)
class _Known:
    id: uuid.UUID
    contract_id: uuid.UUID
    step: int
    last_day: date
    dropped: bool


def _endings(day: date) -> list[_Ending]:
    """Contracts whose last day is near, each with the nearest of its steps."""
    bound = day + timedelta(days=max(STEPS))
    near = or_(Contract.ends_on.between(day, bound), Contract.ended_on.between(day, bound))
    columns = (Contract.id, Contract.number, Contract.member_id, final_day.label("last_day"))
    rows = db.session.execute(select(*columns).where(near, final_day.between(day, bound)))
    return [
        _Ending(
            contract_id=row.id, number=row.number, member_id=row.member_id, last_day=row.last_day,
            days=(row.last_day - day).days, step=min(step for step in STEPS if (row.last_day - day).days <= step),
        )
        for row in rows
    ]  # fmt: skip


def _known_tasks(day: date) -> dict[tuple[uuid.UUID, int, date], _Known]:
    """What was made already for last days that are not over; one that was moved away may come back."""
    task = ContractTask
    columns = (task.id, task.contract_id, task.step, task.last_day, task.done_at, task.dropped_at)
    rows = db.session.execute(select(*columns).where(task.last_day >= day))
    return {
        (row.contract_id, row.step, row.last_day): _Known(
            id=row.id, contract_id=row.contract_id, step=row.step, last_day=row.last_day,
            dropped=row.dropped_at is not None and row.done_at is None,
        )
        for row in rows
    }  # fmt: skip


def _overtaken(known: Iterable[_Known], endings: Sequence[_Ending]) -> list[uuid.UUID]:
    """Tasks that are not the current one of their contract; those of a day that is over wait for their person."""
    current = {(ending.contract_id, ending.step, ending.last_day) for ending in endings}
    return [
        task.id for task in known if not task.dropped and (task.contract_id, task.step, task.last_day) not in current
    ]


def _drop(ids: Sequence[uuid.UUID]) -> None:
    open_ones = and_(ContractTask.id.in_(ids), ContractTask.done_at.is_(None), ContractTask.dropped_at.is_(None))
    _set(update(ContractTask).where(open_ones).values(dropped_at=database_now()), ids)


def _take_up(ids: Sequence[uuid.UUID]) -> None:
    _set(update(ContractTask).where(ContractTask.id.in_(ids)).values(dropped_at=None), ids)


def _set(statement: Update, ids: Sequence[uuid.UUID]) -> None:
    if ids:
        db.session.execute(statement, execution_options={"synchronize_session": False})


def _add(actor: Actor, endings: Sequence[_Ending]) -> None:
    rows = [
        {"id": task_id, "contract_id": one.contract_id, "step": one.step, "last_day": one.last_day,
         "due_on": one.last_day - timedelta(days=one.step)}
        for task_id, one in zip(new_ids(len(endings)), endings, strict=True)
    ]  # fmt: skip
    execute_many(insert(ContractTask).values(created_at=utcnow(), done_by="", note=""), rows)
    record_many(
        actor,
        (
            {"tag": "contracts:task:create", "kind": "contract", "resource_id": one.contract_id, "name": one.number,
             "member_id": one.member_id, "data": {"step": one.step}}
            for one in endings
        ),
    )  # fmt: skip
    services = _services([one.contract_id for one in endings])
    tell_many(
        "contract:ending",
        "contracts:read",
        (
            (one.member_id, {"number": one.number, "days": one.days, "last_on": one.last_day.isoformat(),
                             "services": services.get(one.contract_id, "")})
            for one in endings
        ),
    )  # fmt: skip


def _services(contract_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What each contract consists of, in codes: "EMAIL × 12, DNS × 2"."""
    found: dict[uuid.UUID, list[str]] = {}
    for start in range(0, len(contract_ids), 500):
        part = contract_ids[start : start + 500]
        query = select(ContractItem.contract_id, ContractItem.service_code, ContractItem.quantity)
        for row in db.session.execute(query.where(ContractItem.contract_id.in_(part)).order_by(ContractItem.id)):
            found.setdefault(row.contract_id, []).append(f"{row.service_code} × {row.quantity}")
    return {contract_id: ", ".join(parts)[:200] for contract_id, parts in found.items()}
