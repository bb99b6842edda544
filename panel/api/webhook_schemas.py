"""What answers about webhooks look like: part of the components in ``schemas.py``."""

from __future__ import annotations

from panel.api.schema_parts import (
    ANYTHING,
    FLAG,
    ID,
    LINKS,
    MOMENT,
    TEXT,
    WHOLE,
    Schema,
    list_of,
    one_of,
    or_null,
    thing,
)
from panel.webhooks.models import DELIVERY_STATES, OFF_REASONS

_TRY = thing({"at": MOMENT, "status": or_null(WHOLE), "ms": WHOLE, "answer": TEXT, "problem": TEXT})
_PAYLOAD = thing({"id": ID, "type": TEXT, "timestamp": MOMENT, "data": ANYTHING})

WEBHOOKS: dict[str, Schema] = {
    "Webhook": thing(
        {
            "id": ID,
            "name": TEXT,
            "member_id": or_null(ID),
            "user_id": ID,
            "token_id": or_null(ID) | {"description": "The token that set it up or changed it last; it ends with it."},
            "url": TEXT,
            "kinds": list_of(TEXT),
            "events": list_of(TEXT),
            "active": FLAG,
            "off_reason": or_null(one_of(OFF_REASONS[1:])),
            "failing_since": or_null(MOMENT),
            "old_secret_until": or_null(MOMENT),
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "links": LINKS,
        },
        also={"secret": TEXT | {"description": "What signs the messages; in the first answer only."}},
    ),
    "WebhookDelivery": thing(
        {
            "id": ID,
            "webhook_id": ID,
            "event_id": or_null(ID),
            "tag": TEXT,
            "state": one_of(DELIVERY_STATES),
            "attempts": WHOLE,
            "created_at": MOMENT,
            "retry_at": or_null(MOMENT),
            "ended_at": or_null(MOMENT),
            "tries": list_of(_TRY),
        },
        also={"payload": _PAYLOAD},
    ),
}
