"""What zones hold, from rows to contents and back into rows."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import insert, select

from panel.dns.content import Content
from panel.dns.models import Zone, ZoneSet
from panel.kernel.bulk import execute_many
from panel.kernel.db import db, table_of
from provisioning.record_sets import RecordSet, Soa, content_digest, in_order

SOA_FIELDS = ("mname", "rname", "refresh", "retry", "expire", "minimum", "ttl")
AT_ONCE = 500
_SETS = table_of(ZoneSet)


def zone_content(zone: Zone) -> Content:
    """What the zone holds now."""
    return Content(zone.name, soa_of(zone), sets_of([zone.id]).get(zone.id, ()))


def soa_of(row: Any) -> Soa:
    """The start of a zone but for its serial, from its row or the same columns of a plain one."""
    return Soa(
        mname=row.soa_mname,
        rname=row.soa_rname,
        refresh=row.soa_refresh,
        retry=row.soa_retry,
        expire=row.soa_expire,
        minimum=row.soa_minimum,
        ttl=row.soa_ttl,
    )


def soa_values(soa: Soa) -> dict[str, Any]:
    """The columns of ``zones`` that say the same."""
    return {f"soa_{field}": getattr(soa, field) for field in SOA_FIELDS}


def sets_of(zone_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[RecordSet, ...]]:
    """The sets of zones in their order; raises InvalidResource where a row holds what no set may."""
    return {zone_id: in_order(RecordSet(*row) for row in rows) for zone_id, rows in plain_sets(zone_ids).items()}


def plain_sets(zone_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, str, int, tuple[str, ...]]]]:
    """Name, type, TTL and values of the sets of zones, unchecked, in no order: for many zones."""
    found: dict[uuid.UUID, list[tuple[str, str, int, tuple[str, ...]]]] = defaultdict(list)
    ids = list(zone_ids)
    query = select(_SETS.c.zone_id, _SETS.c.name, _SETS.c.type, _SETS.c.ttl, _SETS.c.rdata)
    for start in range(0, len(ids), AT_ONCE):
        rows = db.session.connection().execute(query.where(_SETS.c.zone_id.in_(ids[start : start + AT_ONCE])))
        for zone_id, name, type_, ttl, values in rows:
            if values:  # without, it stands for one that people took away from what keeps it
                found[zone_id].append((name, type_, ttl, tuple(values)))
    return found


class Kept(NamedTuple):
    """What keeps a set, and whether people put something else there."""

    source: str
    overridden: bool


def kept_sets(zone_id: uuid.UUID) -> dict[tuple[str, str], Kept]:
    """The sets of a zone that something keeps, by name and type, also those that people took away."""
    query = select(_SETS.c.name, _SETS.c.type, _SETS.c.source, _SETS.c.overridden)
    rows = db.session.execute(query.where(_SETS.c.zone_id == zone_id, _SETS.c.source != ""))
    return {(row.name, row.type): Kept(row.source, row.overridden) for row in rows}


def new_rows(zone_id: uuid.UUID, sets: Iterable[RecordSet], *, source: str = "") -> list[dict[str, Any]]:
    """Rows of sets that are new, as ``insert_rows`` takes them."""
    same = {"zone_id": zone_id, "source": source, "overridden": False, "keep_ptr": False}
    return [same | {"name": one.name, "type": one.type, "ttl": one.ttl, "rdata": list(one.values)} for one in sets]


def insert_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of however many zones in one statement, within the running unit of work."""
    execute_many(insert(_SETS), rows)


def digest_of(content: Content, *, dnssec: bool, leaving: bool = False, updates: str = "") -> str:
    """What a node's content is compared by."""
    return content_digest(content.soa, content.sets, dnssec=dnssec, leaving=leaving, updates=updates)
