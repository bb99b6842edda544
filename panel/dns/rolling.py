"""Keys that roll: the next one takes over once the parent was seen with its DS for as long as others remember.

The primary makes the next key in time and tells its DS (CDS, RFC 7344). A parent that follows sets it by itself, one of
ours at once; else an administrator is told. Until the panel says so, the primary keeps both keys.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from panel.dns.committing import tell
from panel.dns.models import Zone
from panel.dns.signing import FORGOTTEN
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work

AT_ONCE = 100
"""How many zones an agent is told about at once (``zone_operations.SETS_MAX``)."""


def ds_seen_due(node_id: uuid.UUID) -> list[str]:
    """Zones of whose parents the primary is to be told that they have the right DS, long enough to be known."""
    query = (
        select(Zone.name)
        .where(Zone.node_id == node_id, Zone.want == "put", Zone.dnssec, ~Zone.leaving, Zone.parent_ds == "match")
        .where(Zone.wanted_ds != Zone.confirmed_ds, Zone.parent_since < database_now(-FORGOTTEN.total_seconds()))
        .order_by(Zone.parent_since)
    )
    return list(db.session.scalars(query.limit(AT_ONCE)))


def keep_ds_seen(actor: Actor, node_id: uuid.UUID, asked: Sequence[str], told: Mapping[str, Any]) -> None:
    """Write down what became of it. Where no key waited that is well, unless there are two: then it is told again.

    Raises KeyError or TypeError where it is something else.
    """
    require(actor, "nodes:write", staff=True)
    zones = told["zones"]
    query = select(Zone).where(Zone.node_id == node_id, Zone.name.in_(asked), Zone.want == "put").order_by(Zone.id)
    with unit_of_work():
        for zone in db.session.scalars(query.execution_options(populate_existing=True)).unique():
            if zones.get(zone.name) is True or (zones.get(zone.name) is False and len(zone.ds) == 1):
                if zone.confirmed_ds:
                    tell(actor, zone, "keys", ds=zone.wanted_ds)
                zone.confirmed_ds, zone.facts_at = zone.wanted_ds, None
