"""Versions of a zone: what changed when, by whom and why, and what it held then."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, select

from panel.dns.committing import get_zone
from panel.dns.content import Content, SetChange, apply, diff
from panel.dns.holding import zone_content
from panel.dns.models import Zone, ZoneVersion
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from provisioning.record_sets import RecordSet, Soa


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What makes the later of two versions of the earlier one; ``soa`` holds both where they differ."""

    sets: list[SetChange]
    soa: tuple[Soa, Soa] | None


def zone_versions(actor: Actor, zone_id: uuid.UUID) -> Select[ZoneVersion]:
    """The versions of a zone, the newest first. Raises NotFound, NotAllowed."""
    get_zone(actor, zone_id)
    return select(ZoneVersion).where(ZoneVersion.zone_id == zone_id).order_by(ZoneVersion.number.desc())


def get_version(actor: Actor, zone_id: uuid.UUID, number: int) -> ZoneVersion:
    """One version. Raises NotFound, NotAllowed."""
    version = db.session.scalar(zone_versions(actor, zone_id).where(ZoneVersion.number == number))
    if version is None:
        raise NotFound("not_found")
    return version


def compare_versions(actor: Actor, zone_id: uuid.UUID, *, old: int, new: int) -> Compared:
    """What differs between two versions of a zone. Raises NotFound, NotAllowed."""
    zone = get_zone(actor, zone_id)
    before, after = (content_at(zone, number) for number in (old, new))
    return Compared(sets=diff(before, after), soa=None if before.soa == after.soa else (before.soa, after.soa))


def content_at(zone: Zone, number: int) -> Content:
    """What the zone held as of a version, found by going back from what it holds now. Raises NotFound."""
    if not 1 <= number <= zone.version:
        raise NotFound("not_found")
    content = zone_content(zone)
    for version in _since(zone.id, number):
        content = _without(content, version)
    return content


def changes_of(version: ZoneVersion) -> list[SetChange]:
    """What the version changed."""
    return [_change(*one) for one in version.changes]


def changed_since(zone_id: uuid.UUID, number: int) -> dict[tuple[str, str], RecordSet | None]:
    """The sets that changed after version ``number``, as they were after the last change; None: gone."""
    changed: dict[tuple[str, str], RecordSet | None] = {}
    for version in _since(zone_id, number):
        for one in changes_of(version):
            changed.setdefault((one.name, one.type), one.after)
    return changed


def _since(zone_id: uuid.UUID, number: int) -> Iterable[ZoneVersion]:
    query = select(ZoneVersion).where(ZoneVersion.zone_id == zone_id, ZoneVersion.number > number)
    return db.session.scalars(query.order_by(ZoneVersion.number.desc()))


def _without(content: Content, version: ZoneVersion) -> Content:
    """The content before ``version``."""
    undone = [SetChange(one.name, one.type, one.after, one.before) for one in changes_of(version)]
    before = version.settings["soa"][0] if "soa" in version.settings else None
    return replace(apply(content, undone), soa=content.soa if before is None else Soa(**before))


def _change(name: str, type_: str, before: Any, after: Any) -> SetChange:
    sides = (None if side is None else RecordSet(name, type_, side[0], tuple(side[1])) for side in (before, after))
    return SetChange(name, type_, *sides)
