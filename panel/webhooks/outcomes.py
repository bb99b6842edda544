"""What became of attempts: written to the record, tried again later, given up, and in the end switched off."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, read_row, unit_of_work
from panel.ledger.events import record
from panel.ledger.notices import tell_holders
from panel.webhooks.actions import end_queued
from panel.webhooks.models import Delivery, Webhook

RETRY_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long after each failed attempt the next one comes (Standard Webhooks 1.0): three days in all."""
AWAY_SECONDS = (5, 30, 120, 600, 1800, 3600)
"""For how long a receiver that does not answer is left in peace, by how often in a row it did not."""
FAILING_DAYS = 3
GONE = 410
_AWAY = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Try:
    """One attempt: what was answered within how many milliseconds, or why nothing was (``problem``)."""

    delivery_id: uuid.UUID
    ms: int
    status: int | None = None
    answer: str = ""
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_away(self) -> bool:
        """Whether the receiver takes nothing now, whatever it is sent."""
        return self.status is None or self.status in _AWAY

    def line(self, at: datetime) -> dict[str, Any]:
        """The attempt as it is kept."""
        return {"at": at.isoformat(), "status": self.status, "ms": self.ms, "answer": self.answer,
                "problem": self.problem}  # fmt: skip


def note_tries(webhook_id: uuid.UUID, claimed: Sequence[uuid.UUID], tries: Sequence[Try]) -> None:
    """Write down what became of a webhook's messages; those not tried go back into the queue."""
    with unit_of_work():
        webhook = read_row(Webhook, webhook_id, for_change=True)
        if webhook is None:
            return
        now = db.session.scalars(select(database_now())).one()
        tried = {one.delivery_id: one for one in tries}
        _give_back([one for one in claimed if one not in tried])
        query = select(Delivery).where(Delivery.id.in_(tried)).execution_options(populate_existing=True)
        for delivery in db.session.scalars(query):
            _note(delivery, tried[delivery.id], now)
        for one in tries:
            _weigh(webhook, one, now)
        if webhook.active and _must_end(webhook, tries, now):
            switch_off(webhook, "gone" if any(one.status == GONE for one in tries) else "failing")


def switch_off(webhook: Webhook, why: str) -> None:
    """Send nothing more, and tell those who look after it, within the running unit of work; ``why`` as OFF_REASONS."""
    webhook.active, webhook.off_reason, webhook.version = False, why, webhook.version + 1
    end_queued(webhook.id)
    record(SYSTEM, "webhooks:webhook:off", kind="webhook", resource_id=webhook.id, name=webhook.name,
           member_id=webhook.member_id, why=why)  # fmt: skip
    tell_holders("webhook:off", "webhooks:write", webhook.member_id, name=webhook.name, why=why,
                 webhook=str(webhook.id))  # fmt: skip


def _give_back(ids: Sequence[uuid.UUID]) -> None:
    values: dict[str, Any] = {"retry_at": None, "attempts": Delivery.attempts - 1}
    statement = update(Delivery).where(Delivery.id.in_(ids), Delivery.state == "queued").values(**values)
    db.session.execute(statement, execution_options={"synchronize_session": False})


def _note(delivery: Delivery, one: Try, now: datetime) -> None:
    delivery.tries = [*delivery.tries, one.line(now)]
    if delivery.state != "queued":  # switched off, or sent anew by hand, meanwhile
        return
    is_last = delivery.attempts > len(RETRY_SECONDS)
    if one.is_good or is_last:
        delivery.state, delivery.ended_at, delivery.retry_at = "sent" if one.is_good else "failed", now, None
    else:
        delivery.retry_at = _later(RETRY_SECONDS[delivery.attempts - 1])


def _weigh(webhook: Webhook, one: Try, now: datetime) -> None:
    """Count how often in a row the receiver was away, and remember since when nothing gets through."""
    if one.is_good:
        webhook.failures, webhook.failing_since, webhook.retry_at = 0, None, None
        return
    webhook.failing_since = webhook.failing_since or now
    if one.is_away:
        webhook.retry_at = _later(AWAY_SECONDS[min(webhook.failures, len(AWAY_SECONDS) - 1)])
        webhook.failures += 1


def _later(seconds: float) -> Any:
    return database_now(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load


def _must_end(webhook: Webhook, tries: Sequence[Try], now: datetime) -> bool:
    if any(one.status == GONE for one in tries):
        return True
    return webhook.failing_since is not None and (now - webhook.failing_since).days >= FAILING_DAYS
