"""What was used and granted is written down once a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from panel.contracts.actions import suspend_contract
from panel.contracts.entitlements import entitlements, today
from panel.contracts.usage_days import KEPT_DAYS, note_usage, usage_of
from panel.kernel.access import SYSTEM
from panel.mail.actions import create_mailbox
from tests.worlds import SHARED, World, grant


def test_use_and_grants_are_noted_once_a_day_as_they_were(world: World, on: Callable[[date], None]) -> None:
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"koscian.a@{SHARED}")
    more = grant(world.koscian, mailboxes=5, lists=1)
    assert (note_usage(SYSTEM), note_usage(SYSTEM)) == (2, 0)
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"koscian.b@{SHARED}")
    suspend_contract(SYSTEM, more.id, level="no_new", reason="Zaległość")
    on(today() + timedelta(days=1))
    assert note_usage(SYSTEM) == 2
    rows = usage_of(world.koscian.id, "mailboxes")
    assert [(row.day - today(), row.used, row.granted) for row in rows] == [
        (timedelta(), 1, 1006), (timedelta(days=1), 2, 1001)]  # fmt: skip
    granted = {row.kind: row.granted for row in entitlements(SYSTEM, world.koscian.id)}
    assert granted["mailboxes"] == rows[1].granted
    assert usage_of(world.smigiel.id, "mailboxes") == []
    on(today() + timedelta(days=KEPT_DAYS + 1))
    note_usage(SYSTEM)
    assert len(usage_of(world.koscian.id, "mailboxes", days=10_000)) == 2, "the first day is forgotten"
