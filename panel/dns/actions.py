"""What can be done with zones. Every edge comes through here: permission, entitlement, name, rows, version, event, job.

Each action lies beside what it is made of; here stand those that make zones, and the names of all.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from panel.dns.changing import change_zone, delete_set, keep_sets, put_set, replace_sets, revert_zone, set_soa
from panel.dns.committing import Changed, get_zone
from panel.dns.holding import zone_content
from panel.dns.judging import Wanted
from panel.dns.making import NewZone, make_zones
from panel.dns.removing import purge_zone, remove_zone, restore_zone
from panel.dns.signing import set_dnssec
from panel.dns.versions import compare_versions, content_at, get_version, zone_versions
from panel.kernel.access import Actor
from provisioning.record_sets import RecordSet

__all__ = [
    "Changed",
    "NewZone",
    "Wanted",
    "change_zone",
    "compare_versions",
    "content_at",
    "create_zone",
    "create_zones",
    "delete_set",
    "get_version",
    "get_zone",
    "keep_sets",
    "purge_zone",
    "put_set",
    "remove_zone",
    "replace_sets",
    "restore_zone",
    "revert_zone",
    "set_dnssec",
    "set_soa",
    "zone_content",
    "zone_versions",
]


def create_zone(
    actor: Actor,
    *,
    member_id: uuid.UUID | None,
    name: str,
    template: str = "",
    values: Mapping[str, str] | None = None,
    sets: Sequence[Wanted | RecordSet] = (),
    dnssec: bool = True,
    comment: str = "",
    reason: str = "",
    accept_warnings: bool = False,
) -> Changed:
    """Ask for one zone; ``values``: what its ``template`` asks for.

    Raises Invalid (``zone_lint`` with ``remarks``), Conflict, OverLimit, NotFound.
    """
    new = NewZone(
        member_id=member_id,
        name=name,
        template=template,
        values=values or {},
        sets=sets,
        dnssec=dnssec,
        comment=comment,
        reason=reason,
    )
    return make_zones(actor, [new], accept_warnings=accept_warnings)[0]


def create_zones(actor: Actor, *, zones: Sequence[NewZone], accept_warnings: bool = False) -> list[Changed]:
    """Ask for many zones, all or none; one job for each node. Errors carry the ``zone_row`` at fault."""
    return make_zones(actor, zones, accept_warnings=accept_warnings)
