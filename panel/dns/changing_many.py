"""One change of many zones: a few statements, a version and an event for each, one job for each name server."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import bindparam, select, update

from panel.dns.choosing import REWRITING, VERSIONED, ChangePlan, Choice, Line, Wish, portions, read_zones
from panel.dns.committing import COMMENT_MOST, ask, new_version
from panel.dns.content import Content, apply
from panel.dns.delegating import follow_children
from panel.dns.following import follow_changes, follow_zone
from panel.dns.holding import digest_of
from panel.dns.models import Zone, ZoneSet
from panel.dns.planning import contents_of, judged_zones, plan_changes
from panel.kernel.access import Actor
from panel.kernel.bulk import execute_many
from panel.kernel.db import Work, db, table_of, unit_of_work, utcnow
from panel.kernel.errors import Conflict
from panel.kernel.text import one_line
from panel.ledger import usage
from panel.ledger.events import record_many
from panel.ledger.jobs import Job
from panel.members.models import Member

_SETS = table_of(ZoneSet)
_EVENTS = dict.fromkeys(REWRITING, "change") | dict.fromkeys(("sign", "unsign"), "dnssec")
_ASKED_ANEW: dict[str, Any] = {"facts_at": None, "parent_asked_at": None, "parent_ds": "", "parent_since": None}


@dataclass(frozen=True, kw_only=True)
class ChangedMany:
    """What was done, and by which jobs."""

    plan: ChangePlan
    jobs: list[Job]


def change_zones(
    actor: Actor,
    wish: Wish,
    choice: Choice,
    *,
    comment: str = "",
    digest: str | None = None,
    accept_warnings: bool = False,
) -> ChangedMany:
    """Do ``wish`` to all zones chosen that it can be done to; the others stay as they are.

    ``digest``: that of the plan somebody looked at. Raises Conflict ``changes_other`` where it would do something else
    now, ``zone_warnings`` (with the first zone's ``remarks``), and what ``plan_changes`` raises.
    """
    comment = one_line("comment", comment, most=COMMENT_MOST)
    planned = plan_changes(actor, wish, choice)
    with unit_of_work() as work:
        plan = _locked(actor, planned)
        if digest is not None and plan.digest != digest:
            raise Conflict("changes_other")
        for line in plan.doubtful if not accept_warnings else ():
            raise Conflict("zone_warnings", field="accept_warnings", zone=line.zone.name, remarks=line.remarks)
        lines = plan.of("change")
        if wish.action in VERSIONED:
            _write_versions(actor, lines, comment)
        else:
            _write_end(wish, lines)
        _record(actor, wish, lines, comment)
        _follow(actor, lines)
        jobs = _jobs(work, actor, wish, lines)
    return ChangedMany(plan=plan, jobs=jobs)


def _locked(actor: Actor, plan: ChangePlan) -> ChangePlan:
    """The same plan on the zones as they are now and stay until the unit of work ends: members first, then zones."""
    members = sorted({line.zone.member_id for line in plan.lines if line.zone.member_id is not None})
    for some in portions(members):
        query = select(Member.id).where(Member.id.in_(some)).order_by(Member.id)
        db.session.execute(query.with_for_update(key_share=True))
    zones = {zone.id: zone for zone in read_zones(sorted(line.zone.id for line in plan.lines), for_change=True)}
    return judged_zones(actor, plan.wish, [zones[line.zone.id] for line in plan.lines if line.zone.id in zones])


def _write_versions(actor: Actor, lines: Sequence[Line], comment: str) -> None:
    """Sets and signing as the lines say, and for each zone its version."""
    contents = contents_of([line.zone for line in lines])
    _write_sets(lines)
    for line in lines:
        zone, new = line.zone, apply(contents[line.zone.id], line.changes)
        values = {name: after for name, (_before, after) in line.settings.items()}
        zone.change(version=zone.version + 1, **values, **(_ASKED_ANEW if values else {}))
        zone.digest = _digest(zone, new)
        db.session.add(new_version(actor, zone, line.changes, comment=comment, settings=line.settings))
    db.session.flush()


def _write_sets(lines: Sequence[Line]) -> None:
    rows = [
        {"zone": line.zone.id, "label": one.name, "sort": one.type, "seconds": one.after.ttl,
         "records": list(one.after.values)}
        for line in lines for one in line.changes if one.after is not None
    ]  # fmt: skip
    here = (_SETS.c.zone_id == bindparam("zone"), _SETS.c.name == bindparam("label"), _SETS.c.type == bindparam("sort"))
    written = update(_SETS).where(*here).values(ttl=bindparam("seconds"), rdata=bindparam("records"))
    execute_many(written, rows)


def _digest(zone: Zone, content: Content) -> str:
    return digest_of(content, dnssec=zone.dnssec, leaving=zone.leaving, updates=zone.updates)


def _write_end(wish: Wish, lines: Sequence[Line]) -> None:
    """Removal, or the return of what was removed, as ``removing`` does it with one."""
    sign = -1 if wish.action == "remove" else 1
    for member_id, count in sorted(
        Counter(line.zone.member_id for line in lines if line.zone.member_id and not line.zone.updates).items()
    ):
        usage.add(member_id, {"zones": sign * count})
    now = utcnow()
    until = now + timedelta(days=current_app.config["CIS"].grace_days)
    ended = {"want": "remove", "removed_at": now, "purge_at": until}
    for line in lines:
        line.zone.change(**(ended if sign < 0 else {"want": "put", "removed_at": None, "purge_at": None}))
    db.session.flush()


def _record(actor: Actor, wish: Wish, lines: Sequence[Line], comment: str) -> None:
    tag = f"dns:zone:{_EVENTS.get(wish.action, wish.action)}"
    record_many(
        actor,
        [
            {"tag": tag, "kind": "zone", "resource_id": line.zone.id, "name": line.zone.name,
             "member_id": line.zone.member_id, "data": _told(line, comment)}
            for line in lines
        ],
    )  # fmt: skip


def _told(line: Line, comment: str) -> dict[str, Any]:
    signing = {"dnssec": line.zone.dnssec, "leaving": line.zone.leaving} if line.settings else {}
    told = {"version": line.zone.version, "comment": comment, "sets": len(line.changes), **signing}
    return {name: value for name, value in told.items() if value not in ("", None)}


def _follow(actor: Actor, lines: Sequence[Line]) -> None:
    """Names of addresses follow the zones in which somebody asked for that; most have none."""
    following: set[uuid.UUID] = set()
    for some in portions([line.zone.id for line in lines]):
        following |= {*db.session.scalars(select(ZoneSet.zone_id).where(ZoneSet.zone_id.in_(some), ZoneSet.keep_ptr))}
    for line in lines:
        if line.zone.id in following:
            if line.changes:
                follow_changes(actor, line.zone, line.changes)
            elif not line.settings:
                follow_zone(actor, line.zone)
    follow_children(actor, [line.zone for line in lines if not line.changes and (line.zone.updates or line.zone.ds)])


def _jobs(work: Work, actor: Actor, wish: Wish, lines: Sequence[Line]) -> list[Job]:
    """One job for each node; it is a member's own where all that it is about are."""
    served: dict[uuid.UUID, list[Zone]] = defaultdict(list)
    for line in lines:
        if not line.zone.is_held:
            served[line.zone.placed()].append(line.zone)
    action = _EVENTS.get(wish.action, wish.action)
    return [
        ask(work, actor, zones[0], action, alone=len(zones) == 1,
            own=len({zone.member_id for zone in zones}) == 1)
        for zones in served.values()
    ]  # fmt: skip
