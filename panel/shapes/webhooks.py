"""Webhooks and what was sent by them as they look outside."""

from __future__ import annotations

from typing import Any

from panel.ledger.events import Event
from panel.shapes.ledger import event as event_shape
from panel.shapes.values import events_of, identifier, moment
from panel.webhooks.models import Delivery, Webhook
from panel.webhooks.sending import payload


def webhook(row: Webhook) -> dict[str, Any]:
    """A webhook without its secret, which only the first answer holds."""
    return {
        "id": str(row.id),
        "name": row.name,
        "member_id": identifier(row.member_id),
        "user_id": str(row.user_id),
        "token_id": identifier(row.token_id),
        "url": row.url,
        "kinds": list(row.kinds),
        "events": list(row.events),
        "active": row.active,
        "off_reason": row.off_reason or None,
        "failing_since": moment(row.failing_since),
        "old_secret_until": moment(row.old_secret_until),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "links": events_of("webhook", row.id),
    }


def delivery(row: Delivery) -> dict[str, Any]:
    """A message with its attempts, the last one last."""
    return {
        "id": str(row.id),
        "webhook_id": str(row.webhook_id),
        "event_id": identifier(row.event_id),
        "tag": row.tag,
        "state": row.state,
        "attempts": row.attempts,
        "created_at": moment(row.created_at),
        "retry_at": moment(row.retry_at),
        "ended_at": moment(row.ended_at),
        "tries": list(row.tries),
    }


def delivery_payload(row: Delivery, event: Event | None) -> dict[str, Any]:
    """What a message says, or would say now."""
    return payload(row, event, event_shape)
