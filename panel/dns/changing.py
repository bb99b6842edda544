"""Changes of what a zone holds. Each is one version; what changes nothing is none."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from panel.dns.committing import Changed, commit, zone_to_change
from panel.dns.content import Content, by_key
from panel.dns.holding import kept_sets, zone_content
from panel.dns.judging import Wanted, judged, wanted_content
from panel.dns.models import Zone
from panel.dns.records import canonical_soa
from panel.dns.versions import content_at
from panel.kernel.access import Actor
from panel.kernel.db import unit_of_work
from panel.kernel.errors import Conflict, Invalid
from provisioning.record_sets import RecordSet, Soa


def change_zone(
    actor: Actor,
    *,
    zone_id: uuid.UUID,
    changes: Sequence[Wanted | RecordSet],
    comment: str = "",
    expected_version: int | None = None,
    accept_warnings: bool = False,
) -> Changed:
    """Want sets of a zone otherwise; all or none. What a source keeps is overridden by this, and stays so.

    Raises Invalid (with ``row``; ``zone_lint`` with ``remarks``), Conflict ``stale``, ``removed``, ``zone_warnings``.
    """
    with unit_of_work() as work:
        zone = _open_zone(actor, zone_id, expected_version)
        old = zone_content(zone)
        new = wanted_content(old, changes)
        remarks = judged(new, before=old, accept_warnings=accept_warnings)
        return commit(work, actor, zone, old, new, action="change", comment=comment, remarks=remarks)


def put_set(
    actor: Actor,
    *,
    zone_id: uuid.UUID,
    name: str,
    type: str,
    values: Sequence[str],
    ttl: int | None = None,
    comment: str = "",
    expected_version: int | None = None,
    accept_warnings: bool = False,
) -> Changed:
    """Want one set to be exactly this. Raises as ``change_zone``; Invalid ``required`` without values."""
    if not values:
        raise Invalid("required", field="values")
    wanted = Wanted(name=name, type=type, ttl=ttl, values=values)
    return change_zone(
        actor, zone_id=zone_id, changes=[wanted], comment=comment, expected_version=expected_version,
        accept_warnings=accept_warnings,
    )  # fmt: skip


def delete_set(
    actor: Actor,
    *,
    zone_id: uuid.UUID,
    name: str,
    type: str,
    comment: str = "",
    expected_version: int | None = None,
    accept_warnings: bool = False,
) -> Changed:
    """Want one set no more; one that is not there changes nothing. Raises as ``change_zone``."""
    return change_zone(
        actor, zone_id=zone_id, changes=[Wanted(name=name, type=type)], comment=comment,
        expected_version=expected_version, accept_warnings=accept_warnings,
    )  # fmt: skip


def replace_sets(
    actor: Actor,
    *,
    zone_id: uuid.UUID,
    sets: Sequence[Wanted | RecordSet],
    soa: Soa | None = None,
    comment: str = "",
    expected_version: int | None = None,
    accept_warnings: bool = False,
) -> Changed:
    """Want the zone to hold exactly ``sets`` (a zone file taken over), and perhaps start otherwise."""
    with unit_of_work() as work:
        zone = _open_zone(actor, zone_id, expected_version)
        old = zone_content(zone)
        new = wanted_content(Content(old.name, soa or old.soa, ()), sets)
        remarks = judged(new, before=old, accept_warnings=accept_warnings)
        return commit(work, actor, zone, old, new, action="replace", comment=comment, remarks=remarks)


def revert_zone(
    actor: Actor,
    *,
    zone_id: uuid.UUID,
    number: int,
    comment: str = "",
    expected_version: int | None = None,
    accept_warnings: bool = False,
) -> Changed:
    """Want the zone to hold what it held as of a version: a new version, whose serial goes on. DNSSEC stays as it is.

    Raises NotFound for a version that never was, else as ``change_zone``.
    """
    with unit_of_work() as work:
        zone = _open_zone(actor, zone_id, expected_version)
        old, new = zone_content(zone), content_at(zone, number)
        remarks = judged(new, before=old, accept_warnings=accept_warnings)
        return commit(
            work, actor, zone, old, new, action="revert", comment=comment, remarks=remarks, told={"number": number}
        )


def set_soa(
    actor: Actor, *, zone_id: uuid.UUID, comment: str = "", expected_version: int | None = None, **values: Any
) -> Changed:
    """Want other timers of the zone: any of ``refresh retry expire minimum ttl``. Raises Invalid."""
    with unit_of_work() as work:
        zone = _open_zone(actor, zone_id, expected_version)
        old = zone_content(zone)
        new = replace(old, soa=canonical_soa(old.soa, **values))
        remarks = judged(new, before=old, accept_warnings=True)
        return commit(work, actor, zone, old, new, action="soa", comment=comment, remarks=remarks)


def keep_sets(
    actor: Actor,
    *,
    zone_id: uuid.UUID,
    source: str,
    sets: Sequence[Wanted | RecordSet],
    comment: str = "",
    retake: Sequence[tuple[str, str]] = (),
) -> Changed:
    """Want exactly ``sets`` of what ``source`` keeps in the zone. What people put there themselves stays theirs.

    So does what they overrode, but for ``retake`` (name and type). Warnings do not stop it. Raises as ``change_zone``.
    """
    with unit_of_work() as work:
        zone = _open_zone(actor, zone_id, None)
        old = zone_content(zone)
        kept = kept_sets(zone.id)
        theirs = {key for key, row in kept.items() if row.source != source or (row.overridden and key not in retake)}
        theirs |= by_key(old.sets).keys() - kept.keys() - {*retake}
        offered = by_key(wanted_content(Content(old.name, old.soa, ()), sets).sets)
        mine = {key for key, row in kept.items() if row.source == source} | offered.keys()
        stay = [one for key, one in by_key(old.sets).items() if key in theirs or key not in mine]
        new = replace(old, sets=(*stay, *(one for key, one in offered.items() if key not in theirs)))
        remarks = judged(new, before=old, accept_warnings=True)
        return commit(work, actor, zone, old, new, action="keep", comment=comment, remarks=remarks, source=source)


def _open_zone(actor: Actor, zone_id: uuid.UUID, expected_version: int | None) -> Zone:
    """A zone whose sets the panel owns. Raises Conflict ``zone_updates`` for one that programs change."""
    zone = zone_to_change(actor, zone_id, expected_version=expected_version)
    if zone.updates:
        raise Conflict("zone_updates", name=zone.name)
    return zone
