"""Steps by which a contract's services are held back further and further: each on its day, each announced before.

Belongs here: the rows and what follows from them for one contract. Who plans them is ``suspending.py``, what the worker
does with them on their days ``stepping.py``.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from flask import current_app
from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.contracts.models import SUSPENSION_LEVELS, Contract
from panel.kernel.db import Base, UTCDateTime, db, new_id, utcnow

SUSPENSION, END = "suspension", "end"
"""Why a step is taken: the staff suspend the contract, or it ended and nothing follows it."""


class ContractStep(Base):
    """From ``takes_on`` on a contract's member is held back to ``level``.

    ``announced_at``: the member's people were told; ``taken_at``: it holds; ``cancelled_at``: it never came to it, or
    was taken back (``cancelled_by``: by whom, empty where its reason was gone). ``after_day``: the last day of the
    contract that it follows.
    """

    __tablename__ = "contract_steps"
    __table_args__ = (Index("ix_contract_steps_waiting", "cancelled_at", "taken_at", "takes_on"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    contract_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contracts.id"), index=True)
    why: Mapped[str]
    level: Mapped[str]
    takes_on: Mapped[date]
    after_day: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    announced_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    taken_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancelled_by: Mapped[str] = mapped_column(default="")

    contract: Mapped[Contract] = relationship(lazy="joined")

    @property
    def state(self) -> str:
        """``planned``, ``announced``, ``taken``, ``cancelled`` (before it held) or ``undone`` (after)."""
        if self.cancelled_at is not None:
            return "undone" if self.taken_at is not None else "cancelled"
        if self.taken_at is not None:
            return "taken"
        return "planned" if self.announced_at is None else "announced"


def steps_of(contract_id: uuid.UUID, *, why: str | None = None) -> list[ContractStep]:
    """A contract's steps that are not cancelled, the first one first. Whether one may see them is the caller's rule."""
    query = select(ContractStep).where(ContractStep.contract_id == contract_id, ContractStep.cancelled_at.is_(None))
    if why is not None:
        query = query.where(ContractStep.why == why)
    return list(db.session.scalars(query.order_by(ContractStep.takes_on, ContractStep.id)).unique())


def strictest(levels: Sequence[str | None]) -> str | None:
    """The level that stops most; None where nothing is stopped."""
    known = [level for level in levels if level is not None]
    return max(known, key=SUSPENSION_LEVELS.index, default=None)


def notice_days() -> Mapping[str, int]:
    """How many days before its day each level's step is announced at least."""
    return _read_days(current_app.config["CIS"].step_notice)


def end_schedule() -> Mapping[str, int]:
    """How many days after the end of a contract that nothing follows each level holds."""
    return _read_days(current_app.config["CIS"].end_steps)


def words_of(step: ContractStep) -> tuple[str, str]:
    """Reason and contact as those are told whom ``step`` stops."""
    settings, contract = current_app.config["CIS"], step.contract
    ended = f"{settings.end_reason}: {contract.number}"
    reason = contract.suspended_reason if step.why == SUSPENSION else ended
    return reason or ended, contract.suspended_contact or settings.association_contact


def take_now(contract: Contract, level: str) -> ContractStep:
    """Let ``level`` hold from now on instead of what held and was planned; within the running unit of work."""
    cancel(steps_of(contract.id, why=SUSPENSION))
    now = utcnow()
    step = ContractStep(
        id=new_id(), contract_id=contract.id, why=SUSPENSION, level=level, takes_on=now.date(), announced_at=now,
        taken_at=now,
    )  # fmt: skip
    db.session.add(step)
    return step


def cancel(steps: Sequence[ContractStep], *, by: str = "") -> None:
    """Take steps back, those that hold and those to come; ``by``: the ``ref`` of whoever wants it so."""
    for step in steps:
        step.cancelled_at, step.cancelled_by = utcnow(), by


def _read_days(text: str) -> dict[str, int]:
    """``no_new=1,closed=60`` as level → days, in the order of the levels; settings were checked at the start."""
    found = {level.strip(): int(days) for level, _, days in (part.partition("=") for part in text.split(",") if part)}
    return {level: found[level] for level in SUSPENSION_LEVELS if level in found}
