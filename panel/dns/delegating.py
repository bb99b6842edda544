"""Zones of ours below zones of ours: the upper one hands over to the lower, and names its keys (DS, RFC 4035 2.4).

To a zone that programs change the one above hands over by itself. To any other it does where somebody put its NS
there; the DS beside them follows the keys from then on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from panel.dns.models import ZONES, Zone, ZoneSet
from panel.dns.nearest import AT_ONCE, nearest_zones
from panel.dns.servers import name_servers
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.ledger.domain_names import DomainName
from panel.ledger.offers import Offer, offers_changed
from provisioning.record_sets import RecordSet, in_order

TTL = 3_600
_COLUMNS = (Zone.id, Zone.name, Zone.dnssec, Zone.leaving, Zone.updates, Zone.wanted_ds, Zone.held)


class ChildRecords:
    """Zones below zones as a source of records (``panel.ledger.offers.Source``)."""

    kind = "zone"

    def offers(self, names: Collection[str]) -> Sequence[Offer]:
        """What zones next below the zones of these names want to see there."""
        children = _children(names)
        handed = _handed_over({parent for _, parent in children})
        return [
            Offer(source=f"zone:{row.id}", name=parent, sets=sets)
            for row, parent in children
            if (sets := child_sets(row, parent, handed=_below(row.name, parent) in handed[parent]))
        ]

    def usual(self, name: str) -> Sequence[RecordSet]:  # noqa: ARG002 - a new zone has none below it
        """Nothing."""
        return ()


def child_sets(row: Any, parent: str, *, handed: bool) -> tuple[RecordSet, ...]:
    """What the zone ``row`` wants to see in ``parent``. ``handed``: somebody put its NS there."""
    place, sets = _below(row.name, parent), []
    if row.updates:
        sets.append(RecordSet(place, "NS", TTL, tuple(sorted(f"{server}." for server in name_servers()))))
    wanted = tuple(sorted(row.wanted_ds.split("\n"))) if row.wanted_ds else ()
    if wanted and row.dnssec and not row.leaving and not row.held and (handed or row.updates):
        sets.append(RecordSet(place, "DS", TTL, wanted))
    return in_order(sets)


def parents_of(names: Collection[str]) -> dict[str, Zone]:
    """The zone of ours next above each name, where there is one that is wanted and not changed by programs."""
    return nearest_zones({name: _above(name) for name in names})


def follow_children(actor: Actor, zones: Iterable[Zone]) -> None:
    """Bring the zones above in step with zones that came, went or have other keys, in the running unit of work."""
    db.session.flush()
    offers_changed(actor, {parent.name for parent in parents_of([zone.name for zone in zones]).values()})


def children_of(zone: Zone) -> list[Zone]:
    """The zones next below, those that programs change among them, in the order of their names."""
    ids = [row.id for row, _ in _children([zone.name])]
    return list(db.session.scalars(select(Zone).where(Zone.id.in_(ids)).order_by(Zone.name)).unique())


def _children(names: Collection[str]) -> list[tuple[Any, str]]:
    """The zones below ``names``, each with the name of the zone next above it; only where that is among them."""
    upper, lower = aliased(DomainName), aliased(DomainName)
    end = func.substr(upper.path, 1, func.length(upper.path) - 1) + "/"
    query = (
        select(*_COLUMNS)
        .join(lower, and_(lower.space == ZONES, lower.holder_id == Zone.id))
        .join(upper, and_(upper.space == ZONES, lower.path > upper.path, lower.path < end))
    )
    asked = sorted(names)
    found: dict[Any, Any] = {}
    for start in range(0, len(asked), AT_ONCE):
        some = query.where(upper.name.in_(asked[start : start + AT_ONCE]), Zone.want == "put")
        found |= {row.id: row for row in db.session.execute(some)}
    zones = {*asked, *(row.name for row in found.values() if not row.updates)}
    near = ((row, next((one for one in _above(row.name) if one in zones), "")) for row in found.values())
    return sorted(((row, name) for row, name in near if name in names), key=lambda one: str(one[0].name))


def _handed_over(parents: Collection[str]) -> dict[str, set[str]]:
    """The names at which each of these zones hands over to another."""
    found: dict[str, set[str]] = defaultdict(set)
    query = select(Zone.name, ZoneSet.name, ZoneSet.values).join(ZoneSet, ZoneSet.zone_id == Zone.id)
    asked = sorted(parents)
    for start in range(0, len(asked), AT_ONCE):
        some = query.where(Zone.name.in_(asked[start : start + AT_ONCE]), Zone.want == "put", ZoneSet.type == "NS")
        for parent, name, values in db.session.execute(some):
            if values:
                found[parent].add(name)
    return found


def _below(name: str, parent: str) -> str:
    return name.removesuffix(f".{parent}")


def _above(name: str) -> list[str]:
    """The names above ``name``, the nearest first."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels) - 1)]
