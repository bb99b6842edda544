"""Who has the names of addresses (PTR) follow them, and what becomes of each address's name."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import select

from panel.dns.committing import get_zone, tell
from panel.dns.following import TYPES, may_point, nearest, reverse_zones
from panel.dns.models import ZoneSet
from panel.kernel.access import Actor
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger.offers import offers_changed


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """An address of a zone. ``zone``: the reverse zone of ours in which its name lies, None: we have none.

    ``kept``: the address's name follows it. ``may``: the actor may have it do so.
    """

    name: str
    type: str
    address: str
    zone: str | None
    kept: bool
    may: bool


def keep_pointer(actor: Actor, *, zone_id: uuid.UUID, name: str, type_: str, keep: bool) -> None:
    """Have the names of a set's addresses follow them from now, or no more.

    Raises NotFound for a set that is not there; Invalid ``ptr_type``, ``ptr_wildcard``; Conflict ``ptr_no_zone`` where
    we have none of the reverse zones; NotAllowed where one is not the actor's to write.
    """
    with unit_of_work():
        zone = get_zone(actor, zone_id, permission="dns:write", for_change=True)
        row = db.session.get(ZoneSet, (zone_id, name, type_), populate_existing=True)
        if row is None or not row.values:
            raise NotFound("not_found")
        zones = {one for one in (nearest(value, reverse_zones()) for value in _addresses(row)) if one is not None}
        if keep and not zones:
            raise Conflict("ptr_no_zone", field="name")
        if keep and not may_point(actor, row.values):
            raise NotAllowed("not_allowed", permission="dns:write")
        if row.keep_ptr != keep:
            row.keep_ptr = keep
            db.session.flush()
            tell(actor, zone, "pointer", set=f"{name} {type_}", kept=keep)
            offers_changed(actor, zones)


def zone_pointers(actor: Actor, *, zone_id: uuid.UUID) -> list[Pointer]:
    """The addresses of a zone, and what becomes of their names. Raises NotFound."""
    get_zone(actor, zone_id)
    ours = reverse_zones()
    rows = select(ZoneSet).where(ZoneSet.zone_id == zone_id, ZoneSet.type.in_(TYPES))
    return [
        Pointer(
            name=row.name,
            type=row.type,
            address=address,
            zone=(zone := nearest(address, ours)),
            kept=row.keep_ptr,
            may=zone is not None and may_point(actor, [address]),
        )
        for row in db.session.scalars(rows.order_by(ZoneSet.name, ZoneSet.type))
        if not row.name.startswith("*")
        for address in row.values
    ]


def _addresses(row: ZoneSet) -> list[str]:
    if row.type not in TYPES:
        raise Invalid("ptr_type", field="type")
    if row.name.startswith("*"):
        raise Invalid("ptr_wildcard", field="name")
    return row.values
