"""What one change would do to each of many zones, before it is asked for and again when it is done."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from panel.contracts.entitlements import require_granted
from panel.dns.around import around_us
from panel.dns.choosing import REWRITING, ChangePlan, Choice, Line, Wish, chosen_zones, portions
from panel.dns.content import Content, Key, diff
from panel.dns.grading import require_changeable
from panel.dns.holding import sets_of, soa_of
from panel.dns.judging import both_remarks
from panel.dns.lint import Around
from panel.dns.models import Zone, ZoneSet
from panel.dns.signing import forgotten_among
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, PanelError


def plan_changes(actor: Actor, wish: Wish, choice: Choice) -> ChangePlan:
    """Say what ``wish`` would do to the zones chosen, one line for each, in the order of their names.

    Raises Invalid (``action``, ``type``, ``ttl``, ``old``, ``new``, ``zones``), NotFound, NotAllowed.
    """
    wish.check()
    return judged_zones(actor, wish, chosen_zones(actor, choice))


def judged_zones(actor: Actor, wish: Wish, zones: Sequence[Zone]) -> ChangePlan:
    """What ``wish`` does to each of ``zones``; who has no room for all of theirs gets none of them back."""
    lines = [_standing(actor, wish, zone) for zone in zones]
    open_zones = [line.zone for line in lines if line.verdict == "change"]
    if wish.action in REWRITING:
        judged = _rewritten(wish, open_zones)
    elif wish.action == "restore":
        judged = _with_room(open_zones)
    else:
        judged = _signed(wish, open_zones)
    found = {line.zone.id: line for line in judged}
    return ChangePlan(wish=wish, lines=[found.get(line.zone.id, line) for line in lines])


def contents_of(zones: Sequence[Zone]) -> dict[uuid.UUID, Content]:
    """What each of these zones holds."""
    sets = sets_of([zone.id for zone in zones])
    return {zone.id: Content(zone.name, soa_of(zone), sets.get(zone.id, ())) for zone in zones}


def _standing(actor: Actor, wish: Wish, zone: Zone) -> Line:
    """Whether ``wish`` can be done to the zone at all, and is not done already, as far as its row tells."""
    try:
        is_so = _is_so(actor, wish, zone)
    except PanelError as error:
        return Line(zone=zone, verdict="refused", error=error)
    return Line(zone=zone, verdict="unchanged" if is_so else "change")


def _is_so(actor: Actor, wish: Wish, zone: Zone) -> bool:
    """Whether nothing is to be done. Raises Conflict where nothing can be."""
    if zone.node_id is None:
        raise Conflict("no_node", role="dns_primary")
    if wish.action == "restore":
        if zone.want == "purge":
            raise Conflict("not_removed")
        return zone.want == "put"
    require_changeable(actor, zone)
    if zone.want != "put" and wish.action != "remove":
        raise Conflict("removed")
    if zone.updates and wish.action in REWRITING:
        raise Conflict("zone_updates", name=zone.name)
    return zone.want != "put"


def _rewritten(wish: Wish, zones: Sequence[Zone]) -> list[Line]:
    contents, kept, around = contents_of(zones), _kept_of([zone.id for zone in zones]), around_us(many=True)
    return [_judged(wish, zone, contents[zone.id], kept.get(zone.id, ()), around) for zone in zones]


def _judged(wish: Wish, zone: Zone, old: Content, kept: Collection[Key], around: Around) -> Line:
    new, whole = wish.rewriting.of(old, leave=kept), wish.rewriting.of(old)
    changes = diff(old, new)
    left = len(diff(old, whole)) - len(changes)
    if not changes:
        return Line(zone=zone, verdict="unchanged", left=left)
    remarks = both_remarks(new, before=old, around=around)[1]
    line = partial(Line, zone=zone, changes=changes, remarks=remarks, left=left)
    if any(one.level == "error" for one in remarks):
        return line(verdict="refused", error=Invalid("zone_lint", field="records", zone=zone.name, remarks=remarks))
    return line(verdict="change")


def _signed(wish: Wish, zones: Sequence[Zone]) -> list[Line]:
    """Signing on, or off the safe way (``signing.set_dnssec``); for what is no matter of signing, as it stands."""
    if wish.action not in ("sign", "unsign"):
        return []
    forgotten = forgotten_among([zone.id for zone in zones])
    return [_switched(zone, wish.action == "sign", forgotten) for zone in zones]


def _switched(zone: Zone, enabled: bool, forgotten: Collection[uuid.UUID]) -> Line:  # noqa: FBT001 - on or off
    may_go = not zone.dnssec or zone.seen_generation == 0 or zone.id in forgotten
    before = {"dnssec": zone.dnssec, "leaving": zone.leaving}
    after = {"dnssec": enabled or not may_go, "leaving": not enabled and not may_go}
    settings = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    return Line(zone=zone, verdict="change" if settings else "unchanged", settings=settings)


def _with_room(zones: Sequence[Zone]) -> list[Line]:
    """The removed zones, each refused where its member's contracts do not grant all that would come back."""
    refused: dict[uuid.UUID, PanelError] = {}
    counted = Counter(zone.member_id for zone in zones if zone.member_id and not zone.updates)
    for member_id, count in sorted(counted.items()):
        try:
            require_granted(member_id, {"zones": count}, fields={"zones": "name"})
        except PanelError as error:
            refused[member_id] = error
    errors = [refused.get(zone.member_id) if zone.member_id else None for zone in zones]
    return [
        Line(zone=zone, verdict="refused" if error else "change", error=error)
        for zone, error in zip(zones, errors, strict=True)
    ]


def _kept_of(ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, set[Key]]:
    """The sets that something keeps and nobody overrode, by zone."""
    found: dict[uuid.UUID, set[Key]] = defaultdict(set)
    columns: tuple[Any, ...] = (ZoneSet.zone_id, ZoneSet.name, ZoneSet.type)
    for some in portions(ids):
        rows = select(*columns).where(ZoneSet.zone_id.in_(some), ZoneSet.source != "", ZoneSet.overridden.is_(False))
        for zone_id, name, type_ in db.session.execute(rows):
            found[zone_id].add((name, type_))
    return found
