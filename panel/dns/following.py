"""How names of addresses (PTR) follow the addresses that somebody asked them to follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select

from panel.dns.content import SetChange
from panel.dns.delegating import follow_children
from panel.dns.models import ZONES, Zone, ZoneSet
from panel.dns.reverse import TTL, name_in, names_towards, network_of
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.ledger.domain_names import DomainName
from panel.ledger.offers import Offer, offers_changed
from provisioning.record_sets import APEX, RecordSet, in_order

TYPES = ("A", "AAAA")


class PointerRecords:
    """Addresses whose names follow them, as a source of records (``panel.ledger.offers.Source``)."""

    kind = "ptr"

    def offers(self, names: Collection[str]) -> Sequence[Offer]:
        """The names of addresses that lie in the reverse zones among ``names``."""
        zones = sorted(name for name in names if network_of(name) is not None)
        if not zones:
            return []
        ours = reverse_zones()
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for host, address in _followed():
            zone = nearest(address, ours)
            if zone in zones and (name := name_in(zone, address)) is not None:
                found[zone][name].add(f"{host}.")
        return [_offer(zone, found[zone]) for zone in zones if found[zone]]

    def usual(self, name: str) -> Sequence[RecordSet]:  # noqa: ARG002 - a new zone has no addresses yet
        """Nothing."""
        return ()


def follow_changes(actor: Actor, zone: Zone, changes: Iterable[SetChange]) -> None:
    """Bring names of addresses in step with changed sets, in the running unit of work.

    A set that now leads into a reverse zone that is not the actor's to write is followed no more: whoever may write
    there decides.
    """
    every = [one for one in changes if one.type in TYPES]
    ours = reverse_zones() if every else frozenset()
    if not ours:
        return
    keys = {(one.name, one.type) for one in every}
    here = select(ZoneSet).where(ZoneSet.zone_id == zone.id, ZoneSet.keep_ptr)
    for row in db.session.scalars(here.execution_options(populate_existing=True)):
        if (row.name, row.type) in keys:
            row.keep_ptr = bool(row.values) and may_point(actor, row.values)
    db.session.flush()
    sides = (side for one in every for side in (one.before, one.after) if side is not None)
    offers_changed(actor, _zones_of(ours, (value for side in sides for value in side.values)))


def follow_zone(actor: Actor, zone: Zone) -> None:
    """Bring names of addresses, and the zone above, in step with a zone that went or came back."""
    db.session.flush()
    follow_children(actor, [zone])
    kept = db.session.scalars(select(ZoneSet).where(ZoneSet.zone_id == zone.id, ZoneSet.keep_ptr)).all()
    if kept:
        offers_changed(actor, _zones_of(reverse_zones(), (value for row in kept for value in row.values)))


def reverse_zones() -> frozenset[str]:
    """The names of all reverse zones that we have."""
    below = (DomainName.path > "arpa.") & (DomainName.path < "arpa/")
    return frozenset(db.session.scalars(select(DomainName.name).where(DomainName.space == ZONES, below)))


def nearest(address: str, zones: Collection[str]) -> str | None:
    """The smallest of these reverse zones that holds the address's name."""
    names = names_towards(address)
    labels = names[0].split(".")
    above = (".".join(labels[start:]) for start in range(1, len(labels) - 1))
    return next((one for one in (names[0], *reversed(names[1:]), *above) if one in zones), None)


def may_point(actor: Actor, addresses: Iterable[str]) -> bool:
    """Whether the actor may write into all our reverse zones that hold these addresses."""
    names = _zones_of(reverse_zones(), addresses)
    owners = db.session.scalars(select(Zone.member_id).where(Zone.name.in_(names), Zone.want == "put"))
    return all(
        actor.may_everywhere("dns:write") if owner is None else actor.may("dns:write", owner) for owner in owners
    )


def _zones_of(ours: Collection[str], addresses: Iterable[str]) -> set[str]:
    return {zone for zone in (nearest(address, ours) for address in addresses) if zone is not None}


def _followed() -> Iterable[tuple[str, str]]:
    """Host and address of all whose names follow them."""
    query = select(Zone.name.label("zone"), ZoneSet.name, ZoneSet.values).join(Zone, Zone.id == ZoneSet.zone_id)
    for zone, name, values in db.session.execute(query.where(ZoneSet.keep_ptr, Zone.want == "put", Zone.held == "")):
        host = zone if name == APEX else f"{name}.{zone}"
        yield from ((host, value) for value in values)


def _offer(zone: str, hosts: dict[str, set[str]]) -> Offer:
    sets = (RecordSet(name, "PTR", TTL, tuple(sorted(targets))) for name, targets in hosts.items())
    return Offer(source="ptr:addresses", name=zone, sets=in_order(sets))
