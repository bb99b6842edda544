"""How much of each grant a member uses: running totals, so that asking costs one row however much there is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, db, insert_unless_there


class Usage(Base):
    """``amount`` of entitlement ``kind`` in use by a member; changed in the transaction that changes the resources."""

    __tablename__ = "usage"

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int] = mapped_column(default=0)


def used(member_id: uuid.UUID) -> dict[str, int]:
    """What ``member_id`` uses, by kind; kinds never used are left out."""
    rows = db.session.execute(select(Usage.kind, Usage.amount).where(Usage.member_id == member_id))
    return {row.kind: row.amount for row in rows}


def add(member_id: uuid.UUID, changes: Mapping[str, int]) -> None:
    """Add ``changes`` (kind → difference) within the running unit of work."""
    for kind, difference in changes.items():
        row = insert_unless_there(Usage).values(member_id=member_id, kind=kind, amount=difference)
        db.session.execute(
            row.on_conflict_do_update(
                index_elements=[Usage.member_id, Usage.kind], set_={"amount": Usage.amount + difference}
            )
        )
