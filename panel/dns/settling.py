"""Whether anything is still to happen to a zone."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from sqlalchemy import select

from panel.dns.models import Zone
from panel.kernel.db import db
from panel.ledger.waiting import UNSETTLED


def zone_settled(zone_id: uuid.UUID) -> Callable[[], bool]:
    """Whether the name servers are done with a zone, looked up in a transaction of its own each time.

    Nobody works on one that waits for proof of its name.
    """
    waits = (Zone.held != "") & Zone.want.not_in(("remove", "purge"))
    query = select(Zone.id).where(Zone.id == zone_id, Zone.state.in_(UNSETTLED), ~waits)

    def settled() -> bool:
        with db.engine.connect() as connection:
            return connection.scalar(query) is None

    return settled
