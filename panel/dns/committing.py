"""One change of one zone as it is written down: rows, a version, an event and a job, in the running unit of work."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from panel.dns.content import Content, SetChange, diff
from panel.dns.following import follow_changes
from panel.dns.grading import require_changeable
from panel.dns.holding import digest_of, insert_rows, kept_sets, new_rows, soa_values
from panel.dns.lint import Remark
from panel.dns.models import Zone, ZoneSet, ZoneVersion
from panel.kernel.access import Actor, require_kind, require_on
from panel.kernel.bulk import execute_many
from panel.kernel.db import Work, db, new_id, read_row, table_of
from panel.kernel.errors import Conflict, NotFound
from panel.kernel.text import one_line
from panel.ledger.events import record
from panel.ledger.jobs import Job, request_job
from panel.ledger.offers import offers_changed
from panel.members.models import Member
from provisioning.record_sets import APEX

COMMENT_MOST = 200
_SETS = table_of(ZoneSet)
_HERE = (_SETS.c.zone_id == bindparam("zone"), _SETS.c.name == bindparam("label"), _SETS.c.type == bindparam("sort"))


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A zone as wanted now, its newest version, what the lint says of it, and the job that makes the node have it.

    ``version`` and ``job`` are None where nothing changed; ``job`` also where the zone is held back (``Zone.held``).
    """

    zone: Zone
    version: ZoneVersion | None = None
    remarks: tuple[Remark, ...] = ()
    job: Job | None = None


def get_zone(actor: Actor, zone_id: uuid.UUID, *, permission: str = "dns:read", for_change: bool = False) -> Zone:
    """One zone, as the database has it now. Raises NotFound where it is absent or out of reach."""
    require_kind(actor, "zones")
    if for_change:
        _lock_owner(zone_id)
    zone = read_row(Zone, zone_id, for_change=for_change)
    if zone is None:
        raise NotFound("not_found")
    require_on(actor, permission, zone.member_id)
    return zone


def zone_to_change(actor: Actor, zone_id: uuid.UUID, *, expected_version: int | None = None) -> Zone:
    """A zone that is wanted, held until the unit of work ends.

    Raises Conflict ``removed``, ``member_held``; ``stale`` where its newest version is not the one somebody looked at.
    """
    zone = get_zone(actor, zone_id, permission="dns:write", for_change=True)
    if zone.want != "put":
        raise Conflict("removed")
    require_changeable(actor, zone)
    if expected_version is not None and expected_version != zone.version:
        raise Conflict("stale", version=zone.version)
    return zone


def commit(
    work: Work,
    actor: Actor,
    zone: Zone,
    old: Content,
    new: Content,
    *,
    action: str,
    comment: str,
    settings: Mapping[str, tuple[Any, Any]] | None = None,
    remarks: Sequence[Remark] = (),
    source: str = "",
    told: Mapping[str, Any] | None = None,
) -> Changed:
    """Write the difference down as one version; no difference: no version.

    ``settings``: columns of the zone that change, with before and after. ``source``: what keeps the changed sets, empty
    where people changed them: what a source kept is overridden then.
    """
    changes, chosen = diff(old, new), _settings(old, new) | dict(settings or {})
    if not changes and not chosen:
        return Changed(zone=zone, remarks=tuple(remarks))
    _write_sets(zone.id, changes, source)
    values = soa_values(new.soa) | {name: after for name, (_, after) in chosen.items() if name != "soa"}
    zone.change(version=zone.version + 1, **values)
    zone.digest = digest_of(new, dnssec=zone.dnssec, leaving=zone.leaving, updates=zone.updates)
    version = new_version(actor, zone, changes, comment=comment, settings=chosen)
    db.session.add(version)
    follow_changes(actor, zone, changes)
    tell(actor, zone, action, version=zone.version, comment=version.comment, sets=len(changes), **(told or {}))
    job = None if zone.is_held else ask(work, actor, zone, action)
    if not source and any(one.type == "NS" and one.name != APEX for one in changes):
        offers_changed(actor, [zone.name])  # whoever is handed over to wants its keys named
    return Changed(zone=zone, version=version, remarks=tuple(remarks), job=job)


def note_outside(actor: Actor, zone: Zone, old: Content, new: Content, *, serial: int) -> ZoneVersion:
    """Write down as a version what programs changed on the primary by themselves: nothing is sent for it."""
    changes = diff(old, new)
    _write_sets(zone.id, changes, "")
    is_seen = zone.seen_version == zone.version
    zone.version += 1
    zone.seen_version = zone.version if is_seen else zone.seen_version
    version = new_version(actor, zone, changes, comment="")
    version.actor, version.actor_name, version.serial = f"key:{zone.updates}", zone.updates, serial
    db.session.add(version)
    tell(actor, zone, "outside", version=zone.version, sets=len(changes), serial=serial)
    return version


def new_version(
    actor: Actor,
    zone: Zone,
    changes: Sequence[SetChange],
    *,
    comment: str,
    settings: Mapping[str, tuple[Any, Any]] | None = None,
) -> ZoneVersion:
    """The row of the zone's present version. Raises Invalid for the comment."""
    return ZoneVersion(
        id=new_id(),
        zone_id=zone.id,
        number=zone.version,
        generation=zone.wanted_generation,
        actor=actor.ref,
        actor_name=actor.name,
        comment=one_line("comment", comment, most=COMMENT_MOST),
        changes=[_plain(change) for change in changes],
        settings={name: list(sides) for name, sides in (settings or {}).items()},
        digest=zone.digest,
    )


def tell(actor: Actor, zone: Zone, action: str, **data: Any) -> None:
    """Record the event of a change."""
    record(
        actor,
        f"dns:zone:{action}",
        kind="zone",
        resource_id=zone.id,
        name=zone.name,
        member_id=zone.member_id,
        **{name: value for name, value in data.items() if value not in ("", None)},
    )


def ask(work: Work, actor: Actor, zone: Zone, action: str, *, alone: bool = True, own: bool = True) -> Job:
    """Ask for the job that makes the zone's node have it, ``alone`` or with others; ``own``: all are its member's."""
    return request_job(
        work,
        node_id=zone.placed(),
        cause=f"dns:zone:{action}",
        actor=actor,
        member_id=zone.member_id if own else None,
        resource_kind="zone",
        resource_id=zone.id if alone else None,
    )


def _lock_owner(zone_id: uuid.UUID) -> None:
    """Members are held before what is theirs: the other way round, two changes would wait for each other."""
    owner = select(Member.id).join(Zone, Zone.member_id == Member.id).where(Zone.id == zone_id)
    db.session.execute(owner.with_for_update(read=True, key_share=True, of=Member))


def _settings(old: Content, new: Content) -> dict[str, tuple[Any, Any]]:
    return {} if old.soa == new.soa else {"soa": (old.soa.plain(), new.soa.plain())}


def _plain(change: SetChange) -> list[Any]:
    sides = (None if side is None else [side.ttl, list(side.values)] for side in (change.before, change.after))
    return [change.name, change.type, *sides]


def _write_sets(zone_id: uuid.UUID, changes: Sequence[SetChange], source: str) -> None:
    """What a source keeps and people take away stays as an empty row: the source does not bring it back."""
    kept = {key: row.source for key, row in kept_sets(zone_id).items()}
    deleted, inserted, updated = [], [], []
    for one in changes:
        is_kept = (one.name, one.type) in kept
        if one.after is None and (source or not is_kept):
            deleted.append(_at(zone_id, one))
        elif one.after is not None and one.before is None and not is_kept:
            inserted.append(one.after)
        else:
            ttl, values = (0, []) if one.after is None else (one.after.ttl, list(one.after.values))
            mine = {"from": source or kept.get((one.name, one.type), ""), "own": is_kept and not source}
            updated.append(_at(zone_id, one) | {"seconds": ttl, "records": values} | mine)
    execute_many(delete(_SETS).where(*_HERE), deleted)
    execute_many(
        update(_SETS)
        .where(*_HERE)
        .values(
            ttl=bindparam("seconds"), rdata=bindparam("records"), source=bindparam("from"), overridden=bindparam("own")
        ),
        updated,
    )
    insert_rows(new_rows(zone_id, inserted, source=source))


def _at(zone_id: uuid.UUID, change: SetChange) -> dict[str, Any]:
    return {"zone": zone_id, "label": change.name, "sort": change.type}
