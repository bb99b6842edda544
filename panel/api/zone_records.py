"""Records of zones: sets one by one, and many at once as one version."""

from __future__ import annotations

from panel.api.fields import Shape, Text
from panel.api.lists import list_parameters, plain_answer
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.api.zone_answers import WRITES, as_seen, changed, etag, replay_changed
from panel.api.zone_fields import ACCEPT, CHANGES, COMMENT, TTL, VALUES, wanted
from panel.dns import actions
from panel.dns.faulty_rows import one_set, sets_in
from panel.dns.holding import Kept
from panel.dns.models import ZoneSet
from panel.dns.records.canonical import canonical_name
from panel.dns.records.types import type_called
from panel.dns.searching import sets_query
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.shapes import zones as shapes
from provisioning.record_sets import APEX, RecordSet

_PLACE = "/zones/<uuid:id>/rrsets/<path:name>/<type>"
_WHERE = (ZoneSet.name != APEX, ZoneSet.name)
_SORTS = {"name": (*_WHERE, ZoneSet.type), "type": (ZoneSet.type, *_WHERE), "ttl": (ZoneSet.ttl, *_WHERE, ZoneSet.type)}
_FILTERS = {"name": Text(most=300), "type": Text(most=20)}
_TAKEN = {name: field for name, field in list_parameters(dict.fromkeys(_SORTS), _FILTERS).items() if name != "cursor"}
_SET = Shape(fields={"ttl": TTL, "values": VALUES, "comment": COMMENT, "accept_warnings": ACCEPT})


@operation("GET", "/zones/<uuid:id>/rrsets", permission="dns:read", query=_TAKEN, answer=page_of("RecordSet"))
def list_record_sets(actor: Actor, ask: Ask) -> Answer:
    """List the sets of a zone, its own first; `search` is part of a name or of the values."""
    zone, given = actions.get_zone(actor, ask.id), ask.query
    name = canonical_name(given["name"], zone.name) if "name" in given else None
    type_ = type_called(given["type"]) if "type" in given else None
    query = sets_query(zone.id, search=given.get("search", ""), name=name, type_=type_)
    return plain_answer(ask, query, _shape, sorts=_SORTS, default="name")


@operation("GET", _PLACE, permission="dns:read", answer=ref("RecordSet"), versioned=True)
def show_record_set(actor: Actor, ask: Ask) -> Answer:
    """Show one set; `name` is relative to the zone, `@` the zone itself."""
    zone = actions.get_zone(actor, ask.id)
    name, type_ = canonical_name(ask.path["name"], zone.name), type_called(ask.path["type"])
    row = db.session.scalar(sets_query(zone.id, name=name, type_=type_))
    if row is None:
        raise NotFound("not_found")
    return Answer(body=_shape(row), etag=etag(zone))


@operation("PUT", _PLACE, body=_SET, **WRITES)
def put_record_set(actor: Actor, ask: Ask) -> Answer:
    """Have one set be exactly this, be it there or not."""
    with one_set(), as_seen(actor, ask.id):
        done = actions.put_set(
            actor,
            zone_id=ask.id,
            name=ask.path["name"],
            type=ask.path["type"],
            values=ask.body.get("values", ()),
            **{name: value for name, value in ask.body.items() if name != "values"},
        )
    return changed(actor, done)


@operation("DELETE", _PLACE, query={"comment": COMMENT, "accept_warnings": ACCEPT}, **WRITES)
def remove_record_set(actor: Actor, ask: Ask) -> Answer:
    """Have one set be gone; where there is none, nothing changes."""
    with one_set(), as_seen(actor, ask.id):
        done = actions.delete_set(actor, zone_id=ask.id, name=ask.path["name"], type=ask.path["type"], **ask.query)
    return changed(actor, done)


@operation(
    "POST",
    "/zones/<uuid:id>/changes",
    body=Shape(fields={"changes": CHANGES, "comment": COMMENT, "accept_warnings": ACCEPT}),
    replay=replay_changed,
    **WRITES,
)
def change_record_sets(actor: Actor, ask: Ask) -> Answer:
    """Change many sets at once, all or none, as one version. Errors name the `row`, from 0."""
    given = ask.body["changes"]
    with sets_in(given), as_seen(actor, ask.id):
        done = actions.change_zone(
            actor,
            zone_id=ask.id,
            changes=[wanted(one) for one in given],
            comment=ask.body.get("comment", ""),
            accept_warnings=ask.body.get("accept_warnings", False),
        )
    return changed(actor, done)


def _shape(row: ZoneSet) -> dict[str, object]:
    one = RecordSet(row.name, row.type, row.ttl, tuple(row.values))
    return shapes.record_set(one, Kept(row.source, row.overridden) if row.source else None)
