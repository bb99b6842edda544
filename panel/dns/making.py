"""New zones, one or ten thousand: each in few statements."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from flask import current_app
from sqlalchemy import insert, select

from panel.contracts.entitlements import require_granted
from panel.dns.around import around_us
from panel.dns.committing import Changed, ask, new_version
from panel.dns.content import Content, diff
from panel.dns.holding import digest_of, insert_rows, new_rows, soa_values
from panel.dns.judging import DEFAULT_TTL, Wanted, judged, wanted_content
from panel.dns.lint import Remark
from panel.dns.models import Zone, ZoneVersion
from panel.dns.owning import take_names, zone_name
from panel.dns.serials import later
from panel.dns.servers import default_soa, name_servers, place
from panel.dns.templates import template_sets
from panel.kernel.access import Actor, require, require_kind
from panel.kernel.bulk import execute_many
from panel.kernel.db import Work, db, new_id, table_of, unit_of_work
from panel.kernel.errors import Invalid, PanelError
from panel.ledger import usage
from panel.ledger.events import record_many
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.ledger.offers import SOURCES, Source, offers_changed
from panel.ledger.resources import complete_row
from panel.members.actions import require_members
from provisioning.record_sets import APEX, RecordSet, Soa

T = TypeVar("T")
BATCH_MAX = 10_000


@dataclass(frozen=True, kw_only=True)
class NewZone:
    """A zone somebody asks for. ``member_id`` None: the association's own, for staff.

    ``template`` and ``values``: one of ``templates.TEMPLATES`` and what it asks for. ``sets``: what else the zone holds
    from the beginning, in place of the template's where it has the same; without NS records of its own it gets those of
    our name servers. ``soa`` None: as all our zones. ``serial_floor``: what a server elsewhere answers for it.
    ``updates``: the name of the key by which programs change it. ``reason``: why a name is given that another member
    had not long ago.
    """

    member_id: uuid.UUID | None
    name: str
    sets: Sequence[Wanted | RecordSet] = ()
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    dnssec: bool = True
    comment: str = ""
    soa: Soa | None = None
    serial_floor: int = 0
    updates: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class _Made:
    new: NewZone
    zone: Zone
    content: Content
    remarks: tuple[Remark, ...]


def make_zones(actor: Actor, wanted: Sequence[NewZone], *, accept_warnings: bool = False) -> list[Changed]:
    """Ask for many zones, all or none; one job for each node. Errors carry the ``row`` at fault."""
    if not 1 <= len(wanted) <= BATCH_MAX:
        raise Invalid("number_range", field="zones", least=1, most=BATCH_MAX)
    require_kind(actor, "zones")
    _require_owners(actor, wanted)
    nodes, servers = place(len(wanted)), name_servers()
    judge = partial(judged, accept_warnings=accept_warnings, around=around_us(many=len(wanted) > 1))
    made = [_with_row(row, _made, new, nodes[row], servers, judge) for row, new in enumerate(wanted)]
    with unit_of_work() as work:
        for member_id, count in sorted(
            Counter(new.member_id for new in wanted if new.member_id and not new.updates).items()
        ):
            require_granted(member_id, {"zones": count}, fields={"zones": "name"})
            usage.add(member_id, {"zones": count})
        take_names(actor, [one.zone for one in made], reasons=[one.new.reason for one in made])
        _raise_floors([one.zone for one in made])
        changed = _insert(work, actor, made)
        offers_changed(actor, [one.zone.name for one in made], new=True)
        return changed


def new_content(new: NewZone, soa: Soa, servers: Sequence[str]) -> Content:
    """What the zone asked for holds: what its template says, and over that its own sets. Raises Invalid."""
    name = zone_name(new.name)
    begin = template_sets(new.template, zone=name, values=new.values, sources=_sources()) if new.template else ()
    content = wanted_content(Content(name, new.soa or soa, begin), new.sets)
    if any((one.name, one.type) == (APEX, "NS") for one in content.sets):
        return content
    targets = tuple(sorted(f"{server}." for server in servers))
    return Content(content.name, content.soa, (*content.sets, RecordSet(APEX, "NS", DEFAULT_TTL, targets)))


def _sources() -> Sequence[Source]:
    sources: Sequence[Source] = current_app.extensions.get(SOURCES, ())
    return sources


def _made(new: NewZone, node: Node, servers: Sequence[str], judge: Callable[[Content], tuple[Remark, ...]]) -> _Made:
    content = new_content(new, default_soa([node]), servers)
    zone = Zone(
        id=new_id(),
        member_id=new.member_id,
        node_id=node.id,
        name=content.name,
        template=new.template,
        dnssec=new.dnssec,
        leaving=False,
        updates=new.updates,
        version=1,
        wanted_generation=1,
        serial_floor=new.serial_floor,
        digest=digest_of(content, dnssec=new.dnssec, updates=new.updates),
        **soa_values(content.soa),
    )
    return _Made(new=new, zone=zone, content=content, remarks=judge(content))


def _require_owners(actor: Actor, wanted: Sequence[NewZone]) -> None:
    first: dict[uuid.UUID | None, int] = {}
    for row, new in enumerate(wanted):
        first.setdefault(new.member_id, row)
    for member_id, row in first.items():
        _with_row(row, _require_owner, actor, member_id)


def _require_owner(actor: Actor, member_id: uuid.UUID | None) -> None:
    require(actor, "dns:write", member_id, staff=member_id is None)
    if member_id is not None:
        require_members([member_id])


def _with_row(row: int, call: Callable[..., T], *values: Any) -> T:
    """What ``call`` returns; what it raises carries the row at fault, unless it says more exactly which."""
    try:
        return call(*values)
    except PanelError as error:
        error.params["zone_row"] = row
        raise


def _raise_floors(zones: Sequence[Zone]) -> None:
    """A name that was served before goes on from the serial that it had (RFC 1982)."""
    known: dict[str, int] = {}
    every = [zone.name for zone in zones]
    query = select(Zone.name, Zone.serial).where(Zone.serial.is_not(None)).order_by(Zone.id)
    for start in range(0, len(every), 500):
        for row in db.session.execute(query.where(Zone.name.in_(every[start : start + 500]))):
            known[row.name] = later(known.get(row.name, 0), row.serial)
    for zone in zones:
        zone.serial_floor = later(zone.serial_floor, known.get(zone.name, 0))


def _insert(work: Work, actor: Actor, made: Sequence[_Made]) -> list[Changed]:
    if len(made) == 1:
        db.session.add(made[0].zone)
        db.session.flush()
    else:
        execute_many(insert(table_of(Zone)), [complete_row(one.zone) for one in made])
    insert_rows([row for one in made for row in new_rows(one.zone.id, one.content.sets)])
    versions = [_first_version(actor, one) for one in made]
    execute_many(insert(table_of(ZoneVersion)), [complete_row(version) for version in versions])
    _record(actor, made)
    jobs: dict[uuid.UUID | None, Job] = {}
    for one in made:
        if one.zone.node_id not in jobs and not one.zone.is_held:
            jobs[one.zone.node_id] = ask(work, actor, one.zone, "create", alone=len(made) == 1)
    return [
        Changed(zone=one.zone, version=version, remarks=one.remarks, job=jobs.get(one.zone.node_id))
        for one, version in zip(made, versions, strict=True)
    ]


def _first_version(actor: Actor, one: _Made) -> ZoneVersion:
    empty = Content(one.content.name, one.content.soa, ())
    return new_version(actor, one.zone, diff(empty, one.content), comment=one.new.comment)


def _record(actor: Actor, made: Sequence[_Made]) -> None:
    record_many(
        actor,
        (
            {
                "tag": "dns:zone:create",
                "kind": "zone",
                "resource_id": one.zone.id,
                "name": one.zone.name,
                "member_id": one.zone.member_id,
                "data": {"sets": len(one.content.sets)} | ({"template": one.new.template} if one.new.template else {}),
            }
            for one in made
        ),
    )
