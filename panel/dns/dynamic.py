"""Child zones that programs change by themselves (RFC 2136), each with a key of its own (TSIG, RFC 8945).

Such a zone stands next below a host name (``_acme-challenge.www.example.pl``), the zone above hands over to it, and the
panel never sends what it holds. Whoever holds the key can write texts there and nothing else anywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, select

from panel.dns.changing import keep_sets
from panel.dns.committing import Changed, commit, get_zone, zone_to_change
from panel.dns.delegating import child_sets, children_of, parents_of
from panel.dns.dynamic_keys import ALGORITHM, ZoneKey, new_key_name, new_secret, seal
from panel.dns.holding import zone_content
from panel.dns.making import NewZone, make_zones
from panel.dns.models import Zone
from panel.dns.records.canonical import canonical_name
from panel.dns.removing import end_zone
from panel.kernel.access import Actor
from panel.kernel.db import Work, db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotFound, OverLimit
from panel.ledger.nodes import Node
from provisioning.record_sets import APEX

LABEL = "_acme-challenge"
"""Where authorities look for the answer of who asks for a certificate (RFC 8555 8.4)."""
MOST = 200
"""How many such zones there may be below one zone."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A zone that programs change and, this once, its key. ``server``: the name server that takes the changes."""

    zone: Zone
    key: str
    secret: str = field(repr=False)
    server: str
    algorithm: str = ALGORITHM


@dataclass(frozen=True, kw_only=True)
class UpdateZone:
    """A zone that programs change, and what is known of its key."""

    zone: Zone
    key: ZoneKey


def open_updates(actor: Actor, *, zone_id: uuid.UUID, host: str = APEX) -> Opened:
    """Make the child zone of a zone, or of a host name in it, that the holder of a new key can change.

    Raises Conflict ``updates_unproven``, ``zone_updates``, ``updates_elsewhere`` (the name lies in another zone),
    ``updates_occupied`` (records stand there), ``taken``; Invalid ``name_outside``; OverLimit ``updates_many``.
    """
    with unit_of_work():
        parent = zone_to_change(actor, zone_id)
        _require_open(parent)
        name = _child_name(parent, host)
        if parents_of([name]).get(name) is not parent:
            raise Conflict("updates_elsewhere", field="host", name=name)
        _require_free(parent, name)
        if sum(bool(child.updates) for child in children_of(parent)) >= MOST:
            raise OverLimit("updates_many", field="host", most=MOST)
        key, secret = new_key_name(), new_secret()
        signed = parent.dnssec and not parent.leaving
        wanted = NewZone(member_id=parent.member_id, name=name, dnssec=signed, updates=key)
        (made,) = make_zones(actor, [wanted], accept_warnings=True)
        db.session.add(ZoneKey(zone_id=made.zone.id, name=key, sealed=seal(secret)))
        db.session.flush()
        sets = child_sets(made.zone, parent.name, handed=False)
        keep_sets(actor, zone_id=parent.id, source=f"zone:{made.zone.id}", sets=sets)
        return _opened(made.zone, secret)


def renew_key(actor: Actor, *, zone_id: uuid.UUID) -> Opened:
    """Give the zone another key, shown this once; the one before is worth nothing from then on."""
    with unit_of_work() as work:
        zone = _update_zone(actor, zone_id)
        secret = _replace_key(work, actor, zone, revoked=False)
        return _opened(zone, secret)


def revoke_key(actor: Actor, *, zone_id: uuid.UUID) -> Zone:
    """Let nobody change the zone: its new key is shown to nobody. What it holds stays, and it may be renewed."""
    with unit_of_work() as work:
        zone = _update_zone(actor, zone_id)
        _replace_key(work, actor, zone, revoked=True)
        return zone


def close_updates(actor: Actor, *, zone_id: uuid.UUID) -> Changed:
    """Take the child zone away at once, with its key; the zone above hands over to it no more."""
    with unit_of_work() as work:
        zone = _update_zone(actor, zone_id)
        db.session.execute(delete(ZoneKey).where(ZoneKey.zone_id == zone.id))
        return end_zone(work, actor, zone)


def update_zones(actor: Actor, *, zone_id: uuid.UUID) -> Sequence[UpdateZone]:
    """The child zones of a zone that programs change, in the order of their names."""
    zone = get_zone(actor, zone_id)
    children = {child.id: child for child in children_of(zone) if child.updates}
    keys = {key.zone_id: key for key in db.session.scalars(select(ZoneKey).where(ZoneKey.zone_id.in_(children)))}
    return [UpdateZone(zone=child, key=keys[id_]) for id_, child in children.items() if id_ in keys]


def key_of(actor: Actor, *, zone_id: uuid.UUID) -> ZoneKey | None:
    """What is known of the key of a zone; None for one that no program changes."""
    return db.session.get(ZoneKey, get_zone(actor, zone_id).id, populate_existing=True)


def challenge_zone(actor: Actor, *, host: str) -> Zone:
    """The zone in which the right to certificates of ``host`` is shown (DNS-01), made where there is none.

    For what keeps certificates: by ``dynamic_keys.secrets_of`` it has the key. ``host``: a full name of ours, ``*.``
    left out or not. Raises NotFound where no zone of ours has it, and what ``open_updates`` raises.
    """
    name = f"{LABEL}.{host.removeprefix('*.')}"
    with unit_of_work():
        there = db.session.scalar(select(Zone).where(Zone.name == name, Zone.want == "put", Zone.updates != ""))
        if there is not None:
            return get_zone(actor, there.id, permission="dns:write")
        parent = parents_of([name]).get(name)
        if parent is None:
            raise NotFound("not_found")
        return open_updates(actor, zone_id=parent.id, host=f"{host}.").zone


def _require_open(parent: Zone) -> None:
    if parent.updates:
        raise Conflict("zone_updates", name=parent.name)
    if parent.is_held:
        raise Conflict("updates_unproven", name=parent.name)


def _require_free(parent: Zone, name: str) -> None:
    """Records at the name, or below it, would not be answered any more."""
    place = name.removesuffix(f".{parent.name}")
    if any(one.name == place or one.name.endswith(f".{place}") for one in zone_content(parent).sets):
        raise Conflict("updates_occupied", field="host", name=name)


def _child_name(parent: Zone, host: str) -> str:
    try:
        place = canonical_name(host, parent.name).removeprefix("*.")
    except Invalid as error:
        raise Invalid(error.code, **{**error.params, "field": "host"}) from None
    inner = "" if place in (APEX, "*") else f"{place.removeprefix(f'{LABEL}.')}."
    return f"{LABEL}.{inner if inner != f'{LABEL}.' else ''}{parent.name}"


def _update_zone(actor: Actor, zone_id: uuid.UUID) -> Zone:
    zone = zone_to_change(actor, zone_id)
    if not zone.updates:
        raise Conflict("no_updates", name=zone.name)
    return zone


def _replace_key(work: Work, actor: Actor, zone: Zone, *, revoked: bool) -> str:
    name, secret = new_key_name(), new_secret()
    content, before = zone_content(zone), zone.updates
    key = db.session.get(ZoneKey, zone.id)
    if key is None:
        raise NotFound("not_found")
    key.name, key.sealed, key.revoked, key.made_at = name, seal(secret), revoked, utcnow()
    action = "revoke_key" if revoked else "renew_key"
    commit(work, actor, zone, content, content, action=action, comment="", settings={"updates": (before, name)})
    return secret


def _opened(zone: Zone, secret: str) -> Opened:
    node = db.session.get_one(Node, zone.placed())
    return Opened(zone=zone, key=zone.updates, secret=secret, server=node.hostname)
