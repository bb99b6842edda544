"""Rows of new mailboxes, however many: each in few statements. All of it works in the running unit of work."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import insert

from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many
from panel.kernel.db import db, table_of, utcnow
from panel.kernel.errors import NotAllowed, NotFound
from panel.ledger import usage
from panel.ledger.events import record_many
from panel.ledger.resources import complete_row
from panel.mail.activation import issue_links
from panel.mail.models import Mailbox
from panel.mail.room import room_of
from panel.members.actions import require_members


class Owned(Protocol):
    """A mailbox that somebody asks for."""

    @property
    def member_id(self) -> uuid.UUID:
        """For whom."""


def require_owners(actor: Actor, wanted: Sequence[Owned]) -> None:
    """Go on only if all are for members on whom ``actor`` may make mailboxes; errors carry the first row at fault."""
    first: dict[uuid.UUID, int] = {}
    for row, new in enumerate(wanted):
        first.setdefault(new.member_id, row)
    for member_id, row in first.items():
        try:
            require(actor, "mail:write", member_id)
            require_members([member_id])
        except (NotFound, NotAllowed) as error:
            error.field, error.params["row"] = "member_id", row
            raise


def insert_boxes(boxes: Sequence[Mailbox]) -> dict[uuid.UUID, str]:
    """Insert ``boxes``, count them as used, and return the tokens of links for those without a password."""
    if len(boxes) == 1:
        db.session.add_all(boxes)
        db.session.flush()
    else:
        now = utcnow()
        rows = [complete_row(box, created_at=now, updated_at=now) for box in boxes]
        execute_many(insert(table_of(Mailbox)), rows)
    tokens = issue_links([box.id for box in boxes if box.password_hash is None])
    for member_id, room in room_of(boxes).items():
        usage.add(member_id, room)
    return tokens


def record_created(actor: Actor, boxes: Sequence[Mailbox], reasons: Sequence[str]) -> None:
    """Record that they were asked for, and why one got a name that is not its member's own."""
    record_many(
        actor,
        (
            {
                "tag": "mail:mailbox:create",
                "kind": "mailbox",
                "resource_id": box.id,
                "name": box.address,
                "member_id": box.member_id,
                "data": {"quota_mb": box.quota_mb} | ({"reason": reason} if reason else {}),
            }
            for box, reason in zip(boxes, reasons, strict=True)
        ),
    )
