"""How the mail that members keep grows: one more row a day for each, beside what they use of what they are granted."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import func, insert, select

from panel.contracts.entitlements import database_today
from panel.contracts.usage_days import UsageDay
from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many
from panel.kernel.db import db, one_at_a_time, unit_of_work
from panel.ledger.usage import Usage
from panel.mail.models import Mailbox

MAIL_KEPT = "mail_kept_mb"
"""The kind of these rows: used is what mailboxes hold, granted the capacity that was given to them."""


def note_mail_use(actor: Actor) -> int:
    """Write the rows of today, once a day by the database's clock; return how many there were to write.

    Waits until the day's other rows are there: those are written only where there is none yet.
    """
    require(actor, "entitlements:read", staff=True)
    day = database_today()
    noted = _kinds(day)
    if not noted or MAIL_KEPT in noted:
        return 0
    rows = _kept()
    with unit_of_work():
        one_at_a_time("usage_days")
        if MAIL_KEPT in _kinds(day):
            return 0
        execute_many(insert(UsageDay).values(day=day, kind=MAIL_KEPT), rows)
    return len(rows)


def _kinds(day: date) -> set[str]:
    """Of which kinds rows of a day were written."""
    return set(db.session.scalars(select(UsageDay.kind).where(UsageDay.day == day).distinct()))


def _kept() -> list[dict[str, Any]]:
    query = select(Mailbox.member_id, func.sum(Mailbox.held_mb).label("held"))
    query = query.where(Mailbox.want == "put", Mailbox.held_mb >= 0).group_by(Mailbox.member_id)
    given = select(Usage.member_id, Usage.amount).where(Usage.kind == "mailbox_mb")
    capacities = {row.member_id: row.amount for row in db.session.execute(given)}
    return [
        {"member_id": row.member_id, "used": int(row.held), "granted": capacities.get(row.member_id, 0)}
        for row in db.session.execute(query)
    ]
