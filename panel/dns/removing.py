"""The end of zones: removed, brought back within the grace period, or gone for good with their keys."""

from __future__ import annotations

import uuid
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from panel.contracts.entitlements import require_granted
from panel.dns.committing import Changed, ask, get_zone, tell, zone_to_change
from panel.dns.following import follow_zone
from panel.dns.models import Zone
from panel.dns.owning import release_name
from panel.kernel.access import Actor, require
from panel.kernel.db import Work, database_now, db, unit_of_work, utcnow
from panel.kernel.errors import Conflict
from panel.ledger import usage
from panel.ledger.closings import list_closings

AT_ONCE = 1_000


def remove_zone(actor: Actor, *, zone_id: uuid.UUID, expected_version: int | None = None) -> Changed:
    """Serve a zone no more; what it holds and its keys are kept until ``purge_at``, and its name stays taken."""
    with unit_of_work() as work:
        zone = zone_to_change(actor, zone_id, expected_version=expected_version)
        _count(zone, -1)
        until = utcnow() + timedelta(days=current_app.config["CIS"].grace_days)
        zone.change(want="remove", removed_at=utcnow(), purge_at=until)
        return _told(work, actor, zone, "remove")


def restore_zone(actor: Actor, *, zone_id: uuid.UUID) -> Changed:
    """Serve a removed zone again, with its keys; its serial goes on. Raises Conflict ``not_removed``, OverLimit."""
    with unit_of_work() as work:
        zone = get_zone(actor, zone_id, permission="dns:write", for_change=True)
        if zone.want != "remove":
            raise Conflict("not_removed")
        if zone.member_id is not None and not zone.updates:
            require_granted(zone.member_id, {"zones": 1}, fields={"zones": "name"})
        _count(zone, 1)
        zone.change(want="put", removed_at=None, purge_at=None)
        return _told(work, actor, zone, "restore")


def purge_zone(actor: Actor, *, zone_id: uuid.UUID) -> Changed:
    """Delete a removed zone and its keys now, and free its name. Staff only. Raises Conflict ``not_removed``."""
    require(actor, "dns:vouch", staff=True)
    with unit_of_work() as work:
        zone = get_zone(actor, zone_id, permission="dns:write", for_change=True)
        if zone.want != "remove":
            raise Conflict("not_removed")
        _purge(zone)
        return _told(work, actor, zone, "purge")


def purge_expired(actor: Actor) -> int:
    """Delete removed zones whose grace period is over; return how many."""
    require(actor, "dns:write", staff=True)
    if list_closings():  # what was removed may have been restored since the backup that this panel comes from
        return 0
    with unit_of_work() as work:
        query = select(Zone).where(Zone.want == "remove", Zone.purge_at < database_now()).order_by(Zone.id)
        free = query.limit(AT_ONCE).with_for_update(of=Zone, key_share=True, skip_locked=True)
        expired = db.session.scalars(free.execution_options(populate_existing=True)).unique().all()
        for zone in expired:
            _purge(zone)
            _told(work, actor, zone, "purge")
    return len(expired)


def end_zone(work: Work, actor: Actor, zone: Zone) -> Changed:
    """Serve a zone no more and delete it at once, with its keys: one that people keep nothing in."""
    _count(zone, -1)
    zone.removed_at = utcnow()
    _purge(zone)
    return _told(work, actor, zone, "remove")


def _purge(zone: Zone) -> None:
    zone.change(want="purge", ds=[], signatures_until=None)
    release_name(zone)


def _count(zone: Zone, more: int) -> None:
    if zone.member_id is not None and not zone.updates:
        usage.add(zone.member_id, {"zones": more})


def _told(work: Work, actor: Actor, zone: Zone, action: str) -> Changed:
    tell(actor, zone, action, version=zone.version)
    follow_zone(actor, zone)
    return Changed(zone=zone, job=None if zone.is_held else ask(work, actor, zone, action))
