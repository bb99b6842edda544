"""Zones on their way in: from a file, or from the server that has them now; shown first, then taken over."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import Select, delete, select

from panel.dns.around import around_us
from panel.dns.changing import replace_sets
from panel.dns.committing import Changed
from panel.dns.content import Content, SetChange, diff
from panel.dns.exporting import zone_file_of
from panel.dns.holding import zone_content
from panel.dns.imports import WAYS, ZoneImport
from panel.dns.lint import Remark, lint
from panel.dns.making import NewZone, make_zones
from panel.dns.models import Zone
from panel.dns.owning import require_own_name, zone_name
from panel.dns.servers import default_soa, name_servers
from panel.dns.transferring import Key, transfer
from panel.dns.zonefile import ReadZone, read_zone
from panel.kernel.access import Actor, require, require_kind, scoped
from panel.kernel.db import database_now, db, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.ledger.nodes import Node
from panel.members.actions import require_members
from provisioning.record_sets import APEX, RecordSet, Soa, read_set, read_soa

KEPT_DAYS = 7
TTL = 3_600


class _Asked(NamedTuple):
    """Whose zone is asked for, by which name, and the zone where there is one."""

    member_id: uuid.UUID | None
    name: str
    zone: Zone | None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an import would do. ``content``: what the zone would hold; ``soa``: whether it would start otherwise.

    ``is_elsewhere``: no name server of ours is among those it names.
    """

    row: ZoneImport
    content: Content
    changes: list[SetChange]
    soa: bool
    remarks: list[Remark]
    is_elsewhere: bool

    @property
    def is_unchanged(self) -> bool:
        """Whether taking it over would change nothing."""
        return self.row.zone_id is not None and not self.changes and not self.soa


def preview_files(
    actor: Actor,
    *,
    member_id: uuid.UUID | None,
    name: str,
    files: Mapping[str, bytes],
    main: str | None = None,
    way: str = "files",
) -> Preview:
    """Read a zone file with what it includes, or an export in JSON, as zone ``name``, and keep it for a week.

    ``main``: the one to begin with, where there are several. ``way``: one of WAYS, for people. Raises Invalid
    (``name``, ``file``), Conflict as ``owning``; what of the file is refused is told in the preview.
    """
    if way not in WAYS:
        raise Invalid("choice", field="way", choices=", ".join(WAYS))
    asked = _asked(actor, member_id, name)
    begin = main if main is not None else next(iter(files), "")
    if begin not in files:
        raise Invalid("required", field="file")
    return _kept(actor, asked, way, read_files(files, main=begin, origin=asked.name))


def preview_transfer(
    actor: Actor, *, member_id: uuid.UUID | None, name: str, server: str, key: Key | None = None, port: int = 53
) -> Preview:
    """Fetch zone ``name`` from the server that has it, and keep it for a week, without the key.

    Raises as ``preview_files`` and ``transfer``.
    """
    asked = _asked(actor, member_id, name)
    nodes = frozenset(db.session.scalars(select(Node.address))) | frozenset(db.session.scalars(select(Node.hostname)))
    db.session.commit()  # nothing is held open while a stranger's server takes its time
    text = transfer(current_app.config["CIS"], asked.name, server.strip(), key=key, port=port, refused=nodes)
    return _kept(actor, asked, "axfr", read_zone({server: text}, main=server, origin=asked.name))


def get_preview(actor: Actor, import_id: uuid.UUID) -> Preview:
    """What an import would do to the zone as it is now. Raises NotFound."""
    row = db.session.scalar(imports_query(actor).where(ZoneImport.id == import_id))
    if row is None:
        raise NotFound("not_found")
    return _preview(row)


def imports_query(actor: Actor) -> Select[ZoneImport]:
    """The imports that the actor may take over and that nobody did, the newest first."""
    require_kind(actor, "zones")
    query = scoped(actor, "dns:write", select(ZoneImport), ZoneImport.member_id)
    return query.where(ZoneImport.taken_at.is_(None)).order_by(ZoneImport.created_at.desc())


def take_over(
    actor: Actor,
    *,
    import_id: uuid.UUID,
    only_good: bool = False,
    our_servers: bool = False,
    accept_warnings: bool = False,
    comment: str = "",
) -> Changed:
    """Make the zone hold what was read: a new zone, or one more version of it.

    ``only_good``: although lines were refused. ``our_servers``: with our name servers in place of those it names.
    Raises Conflict ``import_refusals``, ``stale`` where the zone changed since it was read, and as ``create_zone`` and
    ``change_zone``.
    """
    with unit_of_work():
        preview = get_preview(actor, import_id)
        row = read_row(ZoneImport, import_id, for_change=True)
        if row is None or row.taken_at is not None:
            raise NotFound("not_found")
        if row.refusals and not only_good:
            raise Conflict("import_refusals", count=len(row.refusals))
        content = with_our_servers(preview.content) if our_servers else preview.content
        row.taken_at = utcnow()
        return _apply(actor, row, content, accept_warnings=accept_warnings, comment=comment)


def forget_import(actor: Actor, *, import_id: uuid.UUID) -> None:
    """Throw away what was read. Raises NotFound."""
    with unit_of_work():
        row = get_preview(actor, import_id).row
        db.session.execute(delete(ZoneImport).where(ZoneImport.id == row.id))


def forget_zone_imports(actor: Actor) -> None:
    """Throw away what was read a week ago, taken over or not. A chore of the workers."""
    require(actor, "nodes:write", staff=True)
    old = ZoneImport.created_at < database_now(-KEPT_DAYS * 24 * 3_600)
    if db.session.scalar(select(ZoneImport.id).where(old).limit(1)) is not None:
        with unit_of_work():
            db.session.execute(delete(ZoneImport).where(old))


def read_files(files: Mapping[str, bytes], *, main: str, origin: str) -> ReadZone:
    """Read a zone file, or what was exported as JSON."""
    body = files[main]
    if body.lstrip()[:1] == b"{":
        try:
            text = zone_file_of(json.loads(body), origin=origin)
        except (ValueError, RecursionError):
            text = None
        files = {main: text if text is not None else body}
    return read_zone(files, main=main, origin=origin)


def with_our_servers(content: Content) -> Content:
    """``content`` with our name servers at its top and its start, in place of others."""
    servers = tuple(sorted(f"{name}." for name in name_servers()))
    rest = [one for one in content.sets if (one.name, one.type) != (APEX, "NS")]
    start = replace(content.soa, mname=default_soa().mname)
    return Content(content.name, start, (*rest, RecordSet(APEX, "NS", TTL, servers)))


def zone_named(actor: Actor, member_id: uuid.UUID | None, name: str) -> Zone | None:
    """The member's zone of this name; None where there is none, and it may make one. Raises Conflict."""
    query = select(Zone).where(Zone.name == name, Zone.want == "put", Zone.member_id.is_not_distinct_from(member_id))
    zone = db.session.scalar(query.order_by(Zone.id.desc()).limit(1))
    if zone is None:
        require_own_name(actor, member_id=member_id, name=name)
    return zone


def _apply(actor: Actor, row: ZoneImport, content: Content, *, accept_warnings: bool, comment: str) -> Changed:
    """A new zone goes on from the serial that the old server answers."""
    if row.zone_id is None:
        new = NewZone(
            member_id=row.member_id,
            name=content.name,
            sets=content.sets,
            soa=content.soa,
            serial_floor=row.serial,
            comment=comment,
        )
        return make_zones(actor, [new], accept_warnings=accept_warnings)[0]
    return replace_sets(
        actor,
        zone_id=row.zone_id,
        sets=content.sets,
        soa=content.soa,
        comment=comment,
        expected_version=row.version,
        accept_warnings=accept_warnings,
    )


def _asked(actor: Actor, member_id: uuid.UUID | None, name: str) -> _Asked:
    require_kind(actor, "zones")
    require(actor, "dns:write", member_id, staff=member_id is None)
    if member_id is not None:
        require_members([member_id])
    name = zone_name(name)
    return _Asked(member_id, name, zone_named(actor, member_id, name))


def _kept(actor: Actor, asked: _Asked, way: str, read: ReadZone) -> Preview:
    row = ZoneImport(
        member_id=asked.member_id,
        zone_id=None if asked.zone is None else asked.zone.id,
        version=None if asked.zone is None else asked.zone.version,
        name=asked.name,
        way=way,
        actor=actor.ref,
        actor_name=actor.name,
        soa=None if read.soa is None else read.soa.plain(),
        sets=[one.plain() for one in read.sets],
        serial=read.serial or 0,
        refusals=[_plain(one) for one in read.refusals],
        notes=[_plain(one) for one in read.notes],
    )
    with unit_of_work():
        db.session.add(row)
    return _preview(row)


def _preview(row: ZoneImport) -> Preview:
    zone = None if row.zone_id is None else read_row(Zone, row.zone_id)
    before = None if zone is None else zone_content(zone)
    after = Content(row.name, _soa(row, before), tuple(map(read_set, row.sets)))
    empty = Content(row.name, after.soa, ())
    return Preview(
        row=row,
        content=after,
        changes=diff(before or empty, after),
        soa=before is not None and before.soa != after.soa,
        remarks=lint(after, around=around_us()),
        is_elsewhere=not _names_ours(after),
    )


def _soa(row: ZoneImport, before: Content | None) -> Soa:
    """As the file has it; where it has none, as it is, or as all our zones start."""
    if row.soa is not None:
        return read_soa(row.soa)
    return default_soa() if before is None else before.soa


def _names_ours(content: Content) -> bool:
    ours = {f"{name}." for name in name_servers()}
    return any(not ours.isdisjoint(one.values) for one in content.sets if (one.name, one.type) == (APEX, "NS"))


def _plain(one: Any) -> dict[str, Any]:
    plain = asdict(one)
    return plain | {"params": dict(plain["params"])}
