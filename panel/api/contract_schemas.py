"""What answers about contracts and orders look like: part of the components in ``schemas.py``."""

from __future__ import annotations

from panel.api.schema_parts import (
    AMOUNT,
    ANYTHING,
    DAY,
    ID,
    LINKS,
    MOMENT,
    TEXT,
    WHOLE,
    Schema,
    list_of,
    one_of,
    or_null,
    ref,
    thing,
)
from panel.contracts.ending import TASK_STATES
from panel.contracts.models import ENTITLEMENT_KINDS, SUSPENSION_LEVELS
from panel.contracts.orders import ORDER_STATES
from panel.contracts.steps import END, SUSPENSION

_TIMES = {"created_at": MOMENT, "updated_at": MOMENT}
_ITEM = {
    "id": ID,
    "service": TEXT,
    "quantity": WHOLE,
    "unit_price": AMOUNT,
    "discount_percent": AMOUNT,
    "total": AMOUNT,
    "starts_on": or_null(DAY),
    "ends_on": or_null(DAY),
    "amendment_id": or_null(ID),
}
_SOURCE = {
    "contract_id": or_null(ID),
    "contract_number": or_null(TEXT),
    "service": or_null(TEXT),
    "quantity": WHOLE,
    "amount": WHOLE,
}

CONTRACTS: dict[str, Schema] = {
    "Entitlement": thing(
        {
            "member_id": ID,
            "kind": one_of(ENTITLEMENT_KINDS),
            "granted": WHOLE,
            "used": WHOLE,
            "sources": list_of(thing(_SOURCE)),
        }
    ),
    "Contract": thing(
        {
            "id": ID,
            "number": TEXT,
            "member_id": ID,
            "signed_on": DAY,
            "starts_on": DAY,
            "ends_on": or_null(DAY),
            "ended_on": or_null(DAY),
            "notice_days": WHOLE,
            "status": one_of(["future", "active", "expiring", "suspended", "ended"]),
            "suspension": or_null(thing({"level": one_of(SUSPENSION_LEVELS), "reason": TEXT, "contact": TEXT})),
            "items": list_of(thing(_ITEM)),
            "amendments": list_of(ref("Amendment")),
            "attachments": list_of(ref("Attachment")),
            **_TIMES,
            "links": LINKS,
        }
    ),
    "ContractStep": thing(
        {
            "id": ID,
            "contract_id": ID,
            "why": one_of([SUSPENSION, END]),
            "level": one_of(SUSPENSION_LEVELS),
            "takes_on": DAY,
            "state": one_of(["planned", "announced", "taken", "cancelled", "undone"]),
            "announced_at": or_null(MOMENT),
            "taken_at": or_null(MOMENT),
            "cancelled_at": or_null(MOMENT),
            "created_at": MOMENT,
        }
    ),
    "ContractTask": thing(
        {
            "id": ID,
            "contract_id": ID,
            "contract_number": TEXT,
            "member_id": ID,
            "step": WHOLE,
            "last_day": DAY,
            "due_on": DAY,
            "state": one_of(TASK_STATES),
            "done_at": or_null(MOMENT),
            "done_by": or_null(TEXT),
            "note": TEXT,
            "created_at": MOMENT,
        }
    ),
    "Order": thing(
        {
            "id": ID,
            "number": TEXT,
            "member_id": ID,
            "contract_id": or_null(ID),
            "state": one_of(ORDER_STATES),
            "items": list_of(thing({"service": TEXT, "quantity": WHOLE, "unit_price": AMOUNT})),
            "total": AMOUNT,
            "note": TEXT,
            "reason": TEXT,
            "effective_on": or_null(DAY),
            "granted_by": or_null(ID),
            "amendment_id": or_null(ID),
            "created_at": MOMENT,
            "made_by": TEXT,
            "sent_at": or_null(MOMENT),
            "sent_by": or_null(TEXT),
            "decided_at": or_null(MOMENT),
            "decided_by": or_null(TEXT),
            "live_at": or_null(MOMENT),
            "links": LINKS,
        }
    ),
    "Amendment": thing({"id": ID, "number": TEXT, "signed_on": DAY, "effective_on": DAY, "note": TEXT}),
    "Attachment": thing(
        {"id": ID, "file_name": TEXT, "media_type": TEXT, "size": WHOLE, "sha256": TEXT, "created_at": MOMENT}
    ),
    "Service": thing({"code": TEXT, "name": TEXT, "unit": TEXT, "price": AMOUNT, "entitlements": ANYTHING}),
}
