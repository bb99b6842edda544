"""What was found, as it looks outside."""

from __future__ import annotations

from typing import Any

from panel.search.everything import Found


def found(group: Found) -> dict[str, Any]:
    """The best of one kind; ``total_exact`` False: there are more than ``total``."""
    return {
        "kind": group.kind,
        "items": [
            {
                "id": str(hit.id),
                "name": hit.name,
                "note": hit.note,
                "member_id": None if hit.member_id is None else str(hit.member_id),
            }
            for hit in group.hits
        ],
        "total": len(group.hits),
        "total_exact": not group.more,
    }
