"""What programs changed in zones, read back from the primary: each change becomes a version, nothing is sent."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import or_, select, update

from panel.dns.committing import note_outside
from panel.dns.content import Content, by_key, diff
from panel.dns.dynamic_keys import ZoneKey
from panel.dns.holding import zone_content
from panel.dns.models import Zone
from panel.dns.records import canonical_set
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, read_row, unit_of_work
from panel.kernel.errors import Invalid
from provisioning.record_sets import RecordSet

AGAIN_SECONDS = 60
AT_ONCE = 100
"""How many zones an agent is asked about at once (``zone_operations.SETS_MAX``)."""
VERSIONS_MOST = 50
"""So many changes of one reading become a version each; of more, their sum is one."""

Record = Sequence[Any]
"""``[name, type, ttl, value]``."""
log = logging.getLogger("cis.dns")


def updates_due(node_id: uuid.UUID) -> dict[str, int | None]:
    """Zones whose changes were not read for a minute, those that waited longest first: up to which serial they were."""
    waited = or_(ZoneKey.read_at.is_(None), ZoneKey.read_at < database_now(-AGAIN_SECONDS))
    query = (
        select(Zone.name, ZoneKey.serial)
        .join(ZoneKey, ZoneKey.zone_id == Zone.id)
        .where(Zone.node_id == node_id, Zone.want == "put", Zone.seen_generation > 0, waited)
        .order_by(ZoneKey.read_at.is_not(None), ZoneKey.read_at)
    )
    return {row.name: row.serial for row in db.session.execute(query.limit(AT_ONCE))}


def keep_updates(actor: Actor, node_id: uuid.UUID, asked: Sequence[str], told: Mapping[str, Any]) -> None:
    """Write down what programs changed. Raises KeyError, TypeError or ValueError where it is something else."""
    require(actor, "nodes:write", staff=True)
    zones = told["zones"]
    query = select(Zone.id, Zone.name).where(Zone.node_id == node_id, Zone.name.in_(asked), Zone.want == "put")
    for id_, name in db.session.execute(query.where(Zone.updates != "")).all():
        with unit_of_work():
            if zones.get(name) is not None:
                _keep(actor, id_, zones[name])
            db.session.execute(update(ZoneKey).where(ZoneKey.zone_id == id_).values(read_at=database_now()))


def _keep(actor: Actor, zone_id: uuid.UUID, told: Mapping[str, Any]) -> None:
    zone, serial = read_row(Zone, zone_id, for_change=True), int(told["serial"])
    if zone is None or zone.want != "put" or not zone.updates:
        return
    held = zone_content(zone)
    try:
        for content, at in [*_steps(held, told["changes"]), (_whole(held, told["records"]), serial)]:
            if diff(held, content):
                note_outside(actor, zone, held, content, serial=at)
                held = content
    except Invalid as error:
        log.warning("zone %s holds what is no record set: %s", zone.name, error.code)
    zone.serial = serial
    db.session.execute(update(ZoneKey).where(ZoneKey.zone_id == zone_id).values(serial=serial))


def _steps(content: Content, changes: Sequence[Mapping[str, Any]] | None) -> Iterator[tuple[Content, int]]:
    """The content after each change; nothing where nobody knows them, or they are too many."""
    for change in changes if changes and len(changes) <= VERSIONS_MOST else ():
        content = _changed(content, change["removed"], change["added"])
        yield content, int(change["serial"])


def _changed(content: Content, removed: Iterable[Record], added: Iterable[Record]) -> Content:
    sets = by_key(content.sets)
    for one in (_single(content.name, record) for record in removed):
        held = sets.pop((one.name, one.type), None)
        left = tuple(value for value in held.values if value not in one.values) if held else ()
        if held and left:
            sets[one.name, one.type] = replace(held, values=left)
    for one in (_single(content.name, record) for record in added):
        held = sets.get((one.name, one.type))
        values = {*one.values, *(held.values if held else ())}
        sets[one.name, one.type] = replace(one, values=tuple(sorted(values)))
    return replace(content, sets=tuple(sets.values()))


def _single(zone: str, record: Record) -> RecordSet:
    name, type_, ttl, value = record
    return canonical_set(name, type_, ttl, [value], zone)


def _whole(content: Content, records: Sequence[Any]) -> Content:
    sets = (canonical_set(name, type_, ttl, values, content.name) for name, type_, ttl, values in records)
    return replace(content, sets=tuple(sets))
