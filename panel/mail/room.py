"""How much room mailboxes take of what their members are granted, and in which domains they lie."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from operator import itemgetter
from typing import Protocol

from sqlalchemy import select

from panel.contracts.entitlements import require_granted
from panel.kernel.db import db
from panel.mail.models import MailDomain


class Sized(Protocol):
    """A mailbox, made or asked for."""

    @property
    def member_id(self) -> uuid.UUID | None:
        """Whose it is."""

    @property
    def quota_mb(self) -> int:
        """How much it may hold, in mebibytes."""


def room_of(boxes: Sequence[Sized]) -> dict[uuid.UUID, dict[str, int]]:
    """How many mailboxes and mebibytes ``boxes`` take, by member."""
    room: dict[uuid.UUID, dict[str, int]] = {}
    for box in boxes:
        if box.member_id is not None:
            member = room.setdefault(box.member_id, {"mailboxes": 0, "mailbox_mb": 0})
            member["mailboxes"] += 1
            member["mailbox_mb"] += box.quota_mb
    return room


def require_room(wanted: Sequence[Sized], *, statutory: bool = False) -> None:
    """Go on only if every member is granted the room that ``wanted`` takes. Raises OverLimit, Conflict.

    ``statutory``: mailboxes that come with membership are made also where services are held back.
    """
    for member_id, room in sorted(room_of(wanted).items(), key=itemgetter(0)):
        fields = {"mailboxes": "address", "mailbox_mb": "quota_mb"}
        require_granted(member_id, room, fields=fields, whatever_held=statutory)


def domains_of(addresses: Sequence[str]) -> list[MailDomain]:
    """The domain of each address; all must be known."""
    parts = [address.rpartition("@")[2] for address in addresses]
    found = {
        domain.name: domain for domain in db.session.scalars(select(MailDomain).where(MailDomain.name.in_(set(parts))))
    }
    return [found[part] for part in parts]
