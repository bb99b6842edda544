"""What answers about accesses of staff look like, as JSON Schema."""

from __future__ import annotations

from panel.api.schema_parts import ANYTHING, FLAG, ID, MOMENT, TEXT, WHOLE, list_of, or_null, thing

_ASKED = thing(
    {
        "id": ID,
        "action": TEXT,
        "resource_id": or_null(ID),
        "resource_name": TEXT,
        "values": ANYTHING,
        "asked_at": MOMENT,
        "agreed": or_null(FLAG),
        "decided_by": or_null(ID),
        "decided_at": or_null(MOMENT),
        "done_at": or_null(MOMENT),
    }
)
STEP_IN = thing(
    {
        "id": ID,
        "member_id": ID,
        "user_id": ID,
        "user_name": TEXT,
        "reason": TEXT,
        "ticket": TEXT,
        "opened_at": MOMENT,
        "until": MOMENT,
        "ended_at": or_null(MOMENT),
        "ended_by": or_null(TEXT),
        "pages": WHOLE,
        "asked": list_of(_ASKED),
    }
)
"""A stay of staff in a member's view, with the changes asked of the member."""
