"""DNSSEC of zones: on by default, off the safe way, and what the primary tells of it.

Turning it off leads over *leaving*: the zone stays signed and asks the parent to take its DS away (RFC 8078 4). Only
when the parent was seen without one, long enough for resolvers to have forgotten it, may the signatures go.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update

from panel.dns.committing import Changed, commit, zone_to_change
from panel.dns.delegating import follow_children
from panel.dns.holding import zone_content
from panel.dns.models import Zone
from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many
from panel.kernel.db import UTCDateTime, database_now, db, table_of, unit_of_work
from panel.kernel.errors import Conflict
from panel.kernel.text import one_line

FACTS_SECONDS = 4 * 3_600
"""How old what the primary told of a zone may get."""
FACTS_AT_ONCE = 2_000
DS_MOST = 20

FORGOTTEN = timedelta(days=1)
"""How long resolvers may remember a DS that the parent gave up; registries serve them for a day at most."""

REASON_LEAST, REASON_MOST = 10, 200

_DS = re.compile(r"[0-9]{1,5} [0-9]{1,3} [0-9]{1,3} [0-9A-Fa-f]{20,128}")
log = logging.getLogger("cis.dns")


def set_dnssec(
    actor: Actor,
    *,
    zone_id: uuid.UUID,
    enabled: bool,
    force: bool = False,
    reason: str = "",
    expected_version: int | None = None,
) -> Changed:
    """Sign a zone, or begin and, asked again, finish to leave DNSSEC. What is so already changes nothing.

    ``force``: leave at once, with a ``reason``, though the parent may still have a DS: whoever checks signatures sees
    nothing of the zone then (``dns:vouch``). Raises Conflict ``ds_at_parent`` while it has one or was not asked.
    """
    with unit_of_work() as work:
        zone = zone_to_change(actor, zone_id, expected_version=expected_version)
        if force:
            require(actor, "dns:vouch", staff=True)
            reason = one_line("reason", reason, least=REASON_LEAST, most=REASON_MOST)
        wanted = (enabled, False) if enabled or force or _may_go(zone) else (True, True)
        if wanted == (zone.dnssec, zone.leaving) and zone.leaving:
            raise Conflict("ds_at_parent", name=zone.name, state=zone.parent_ds)
        content = zone_content(zone)
        before = {"dnssec": zone.dnssec, "leaving": zone.leaving}
        after = dict(zip(before, wanted, strict=True))
        settings = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        changed = commit(
            work, actor, zone, content, content, action="dnssec", comment=reason, settings=settings, told=after
        )
        if changed.version is not None:
            zone.facts_at = zone.parent_asked_at = None
            zone.parent_ds, zone.parent_since = "", None
            follow_children(actor, [zone])
        return changed


def finish_leaving(actor: Actor) -> int:
    """End the signing of zones whose DS the world has forgotten; return how many."""
    require(actor, "dns:write", staff=True)
    gone = _is_forgotten()
    ids = db.session.scalars(select(Zone.id).where(Zone.want == "put", Zone.leaving, *gone).limit(100)).all()
    for zone_id in ids:
        try:
            set_dnssec(actor, zone_id=zone_id, enabled=False)
        except Conflict as error:  # somebody changed it meanwhile
            log.info("zone %s goes on leaving: %s", zone_id, error.code)
    return len(ids)


def forgotten_among(zone_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the zones whose signatures nobody can expect any more, since the parent was without a DS long enough."""
    leaving = select(Zone.id).where(Zone.leaving, *_is_forgotten())
    return set(db.session.scalars(leaving)) & set(zone_ids)


def facts_due(node_id: uuid.UUID) -> list[str]:
    """Zones of which the node is to tell serial, DS and signatures: those of which it did not for the longest time."""
    query = (
        select(Zone.name)
        .where(Zone.node_id == node_id, Zone.want == "put", Zone.seen_generation > 0)
        .where(or_(Zone.facts_at.is_(None), Zone.facts_at < database_now(-FACTS_SECONDS)))
        .order_by(Zone.facts_at.is_not(None), Zone.facts_at)
    )
    return list(db.session.scalars(query.limit(FACTS_AT_ONCE)))


def keep_facts(actor: Actor, node_id: uuid.UUID, asked: Sequence[str], told: Mapping[str, Any]) -> None:
    """Write down what a primary told of zones, of the expected types and no more.

    Raises KeyError, TypeError, ValueError or AttributeError where it is something else.
    """
    require(actor, "nodes:write", staff=True)
    zones = told["zones"]
    rows = [{"zone": name, **_facts(zones.get(name))} for name in asked]
    table = table_of(Zone)
    statement = update(table).where(
        table.c.node_id == node_id, table.c.name == bindparam("zone"), table.c.want == "put"
    )
    values: dict[str, Any] = {"ds": bindparam("told_ds", type_=table.c.ds.type)}
    values["wanted_ds"] = func.coalesce(bindparam("told_cds", type_=table.c.wanted_ds.type), table.c.wanted_ds)
    values["signatures_until"] = bindparam("until", type_=UTCDateTime())
    with unit_of_work():
        changed = _other_keys(node_id, {row["zone"]: row["told_cds"] for row in rows})
        execute_many(statement.values(facts_at=database_now(), updated_at=table.c.updated_at, **values), rows)
        _follow_keys(actor, changed)


def _other_keys(node_id: uuid.UUID, told: Mapping[str, str | None]) -> list[uuid.UUID]:
    """The zones that want another DS at their parents than was known."""
    here = select(Zone.id, Zone.name, Zone.wanted_ds).where(Zone.node_id == node_id, Zone.want == "put")
    rows = db.session.execute(here.where(Zone.name.in_(told)))
    return [row.id for row in rows if told[row.name] not in (None, row.wanted_ds)]


def _follow_keys(actor: Actor, zone_ids: Sequence[uuid.UUID]) -> None:
    """Have parents of ours name the new keys, and others asked soon whether they do."""
    if zone_ids:
        chosen = Zone.id.in_(zone_ids)
        anew = update(Zone).where(chosen).values(parent_asked_at=None, updated_at=Zone.updated_at)
        db.session.execute(anew, execution_options={"synchronize_session": False})
        follow_children(actor, db.session.scalars(select(Zone).where(chosen)).unique().all())


def _facts(told: Any) -> dict[str, Any]:
    if told is None:  # the node does not serve it, which is for looks to tell
        return {"told_ds": [], "told_cds": None, "until": None}
    ends = told["expires_at"]
    return {
        "told_ds": sorted(_ds(one) for one in told["ds"])[:DS_MOST],
        # Agents of before tell all; of one key that is the same.
        "told_cds": "\n".join(sorted(_ds(one) for one in told.get("cds", told["ds"]))[:DS_MOST]).lower(),
        "until": None if ends is None else datetime.fromisoformat(ends).astimezone(UTC),
    }


def _ds(text: Any) -> str:
    if not _DS.fullmatch(text):
        raise ValueError("ds")
    return str(text)


def _is_forgotten() -> tuple[Any, ...]:
    """SQL: the parent was seen without a DS, and the zone has been leaving for long enough since."""
    return Zone.parent_ds == "absent", Zone.parent_since < database_now(-FORGOTTEN.total_seconds())


def _may_go(zone: Zone) -> bool:
    """Whether nobody can expect signatures any more; by the database's clock. One never sent was never signed."""
    if not zone.dnssec or zone.seen_generation == 0:
        return True
    return db.session.scalar(select(Zone.id).where(Zone.id == zone.id, *_is_forgotten())) is not None
