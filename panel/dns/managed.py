"""Records that something else keeps in zones: what is offered is put in, what people put there instead stays theirs."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select, update

from panel.dns.changing import keep_sets
from panel.dns.committing import get_zone
from panel.dns.content import by_key
from panel.dns.models import Zone, ZoneSet
from panel.dns.nearest import AT_ONCE, nearest_zones
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Invalid
from panel.ledger.domain_names import path_of, paths_to
from panel.ledger.offers import Offer, Source
from provisioning.record_sets import APEX, RecordSet, in_order


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A set that a source offers for a zone. ``state``: *kept*, *overridden* (people want another or none), *missing*.

    ``present``: what stands in its place.
    """

    source: str
    offered: RecordSet
    present: RecordSet | None
    state: str


def keep_offers(sources: Sequence[Source], actor: Actor, names: Collection[str], new: bool = False) -> None:  # noqa: FBT001, FBT002 - as ``offers.Keep`` has it
    """Bring the zones in which ``names`` lie in step with what is offered, in the running unit of work.

    Each name belongs to the zone next above it. What the lint of the zone refuses is left out and stays *missing*.
    """
    if new:  # of ten thousand zones that were just made, few have something offered
        near = {above for source in sources for offer in source.offers(names) for above in _names_to(offer.name)}
        names = near.intersection(names)
    zones = _zones_around(names)
    offers = _offers_for(sources, zones)
    kept = _kept_sources(sources, zones)
    for zone in zones:
        offered = {offer.source: _relative(offer, zone.name) for offer in offers.get(zone.id, ())}
        for source in sorted(kept.get(zone.id, set()) - offered.keys()):
            _keep(actor, zone, source, ())
        rows = _rows(zone.id)
        for source, sets in offered.items():
            if not _is_kept(rows, source, sets):
                _mark_equal(zone.id, source, sets)
                _keep(actor, zone, source, sets)


def zone_offers(actor: Actor, sources: Sequence[Source], *, zone_id: uuid.UUID) -> tuple[list[Offered], list[str]]:
    """What is offered for a zone and what became of it, and codes of what cannot be offered yet."""
    zone = get_zone(actor, zone_id)
    rows = _rows(zone.id)
    offers = _offers_for(sources, [zone]).get(zone.id, [])
    found = [
        _offered(offer.source, one, rows.get((one.name, one.type)))
        for offer in offers
        for one in _relative(offer, zone.name)
    ]
    return found, sorted({note for offer in offers for note in offer.notes})


def take_offer(actor: Actor, sources: Sequence[Source], *, zone_id: uuid.UUID, name: str, type_: str) -> None:
    """Have a source keep a set again that people put in its place. Raises Invalid ``zone_lint``, NotFound."""
    with unit_of_work():
        zone = get_zone(actor, zone_id, permission="dns:write", for_change=True)
        for offer in _offers_for(sources, [zone]).get(zone.id, ()):
            sets = _relative(offer, zone.name)
            if (name, type_) in by_key(sets):
                keep_sets(actor, zone_id=zone.id, source=offer.source, sets=sets, retake=[(name, type_)])


def _is_kept(rows: Mapping[tuple[str, str], ZoneSet], source: str, sets: Sequence[RecordSet]) -> bool:
    """Whether all is in place, or overridden: of a zone with thousands of sources few have something to do."""
    mine = {key: row for key, row in rows.items() if row.source == source}
    return mine.keys() == by_key(sets).keys() and all(
        row.overridden or (row.ttl, tuple(row.values)) == (one.ttl, one.values)
        for one in sets
        for row in [mine[one.name, one.type]]
    )


def _keep(actor: Actor, zone: Zone, source: str, sets: Sequence[RecordSet]) -> None:
    """All at once; where the lint refuses that, one by one, without those that it refuses."""
    by_panel = replace(actor, grants=SYSTEM.grants, kinds=None, stepped_in=None, agreed=None)
    taken: list[RecordSet] = []
    try:
        keep_sets(by_panel, zone_id=zone.id, source=source, sets=sets)
        return
    except Invalid:
        pass
    for one in sets:
        try:
            keep_sets(by_panel, zone_id=zone.id, source=source, sets=[*taken, one])
            taken.append(one)
        except Invalid:
            continue


def _mark_equal(zone_id: uuid.UUID, source: str, sets: Iterable[RecordSet]) -> None:
    """What people put in, or a template, exactly as it is offered is the source's from now."""
    rows = _rows(zone_id)
    for one in sets:
        row = rows.get((one.name, one.type))
        if row is not None and not row.source and (row.ttl, tuple(row.values)) == (one.ttl, one.values):
            here = (ZoneSet.zone_id == zone_id, ZoneSet.name == one.name, ZoneSet.type == one.type)
            db.session.execute(update(ZoneSet).where(*here).values(source=source))


def _zones_around(names: Collection[str]) -> list[Zone]:
    """The zones next above each name, or at it."""
    nearest = nearest_zones({name: _names_to(name) for name in names})
    return sorted({zone.id: zone for zone in nearest.values()}.values(), key=lambda zone: zone.id)


def _offers_for(sources: Sequence[Source], zones: Sequence[Zone]) -> dict[uuid.UUID, list[Offer]]:
    """What is offered at names that lie in each of these zones, and in no other zone below it."""
    every = [offer for source in sources for offer in source.offers([zone.name for zone in zones])]
    found: dict[uuid.UUID, list[Offer]] = defaultdict(list)
    for offer in every:
        for zone in _zones_around([offer.name]):
            found[zone.id].append(offer)
    return found


def _kept_sources(sources: Sequence[Source], zones: Sequence[Zone]) -> dict[uuid.UUID, set[str]]:
    """What keeps sets in each of these zones, as far as the sources know such things."""
    kinds = tuple(f"{source.kind}:" for source in sources)
    found: dict[uuid.UUID, set[str]] = defaultdict(set)
    for start in range(0, len(zones), AT_ONCE):
        ids = [zone.id for zone in zones[start : start + AT_ONCE]]
        query = select(ZoneSet.zone_id, ZoneSet.source).where(ZoneSet.zone_id.in_(ids), ZoneSet.source != "")
        for zone_id, source in db.session.execute(query.distinct()):
            if source.startswith(kinds):
                found[zone_id].add(source)
    return found


def _rows(zone_id: uuid.UUID) -> dict[tuple[str, str], ZoneSet]:
    """The rows of a zone as the database has them now, also those that stand for what people took away."""
    query = select(ZoneSet).where(ZoneSet.zone_id == zone_id).execution_options(populate_existing=True)
    return {(row.name, row.type): row for row in db.session.scalars(query)}


def _relative(offer: Offer, zone: str) -> tuple[RecordSet, ...]:
    """The offered sets, relative to the zone."""
    place = offer.name.removesuffix(zone).rstrip(".")
    if not place:
        return offer.sets
    return in_order(replace(one, name=place if one.name == APEX else f"{one.name}.{place}") for one in offer.sets)


def _offered(source: str, one: RecordSet, row: ZoneSet | None) -> Offered:
    if row is None:
        return Offered(source=source, offered=one, present=None, state="missing")
    present = RecordSet(row.name, row.type, row.ttl, tuple(row.values)) if row.values else None
    is_kept = row.source == source and not row.overridden
    return Offered(source=source, offered=one, present=present, state="kept" if is_kept else "overridden")


def _names_to(name: str) -> list[str]:
    """The name and those above it, the nearest first."""
    return [".".join(reversed(path.split(".")[:-1])) for path in reversed([*paths_to(path_of(name))])]
