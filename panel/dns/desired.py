"""What a primary name server should have, from rows to typed resources, many at once. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from panel.dns.dynamic_keys import secrets_of
from panel.dns.holding import SOA_FIELDS, plain_sets, soa_of
from panel.dns.models import Zone
from provisioning import resources
from provisioning.record_sets import RecordSet, in_order
from provisioning.resources import Gone, InvalidResource, Item

COMPARED: dict[str, Any] = {"name": Zone.name, "content": Zone.digest}
"""As ``provisioning.resources.COMPARED``: of what a zone holds only the digest is compared, which stands in its row."""

COLUMNS: dict[str, Any] = {
    name: getattr(Zone, name)
    for name in ("name", "dnssec", "leaving", "updates", "serial_floor", "serial", "version", "seen_version", "held")
} | {f"soa_{field}": getattr(Zone, f"soa_{field}") for field in SOA_FIELDS}
"""What ``zone_items`` and the looks need of a row beside what every resource has."""


def zone_items(rows: Sequence[Any]) -> list[Item | InvalidResource]:
    """Zones as their node should have them; an error where a row holds what no node may be given."""
    held = plain_sets([row.id for row in rows if row.want == "put"])
    keys = secrets_of([row.id for row in rows if row.want == "put" and row.updates])
    return [_item(row, held.get(row.id, []), keys.get(row.id, "")) for row in rows]


def zone_item(row: Zone) -> Item:
    """One zone as its node should have it. Raises InvalidResource."""
    (item,) = zone_items([row])
    if isinstance(item, InvalidResource):
        raise item
    return item


def _item(row: Any, sets: Sequence[tuple[str, str, int, tuple[str, ...]]], key: str) -> Item | InvalidResource:
    same = {"id": str(row.id), "generation": row.wanted_generation}
    if row.want != "put":
        return Gone(kind="zone", purge=row.want == "purge", **same)
    told = {name: getattr(row, name) for name in ("name", "dnssec", "leaving", "updates", "serial_floor")}
    told["update_key"] = key
    try:
        return resources.Zone(soa=soa_of(row), records=in_order(RecordSet(*one) for one in sets), **told, **same)
    except InvalidResource as error:
        return error
