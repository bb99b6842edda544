"""Zones: asking for them, one or ten thousand, changing, signing and removing them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import request
from sqlalchemy import Select

from panel.api.fields import Boolean, Id, Shape, Text
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schema_parts import TEXT
from panel.api.schemas import page_of, ref
from panel.api.zone_answers import (
    WRITES,
    as_seen,
    changed,
    etag,
    replay_changed,
    replay_created,
    shown,
)
from panel.api.zone_fields import ACCEPT, BATCH, COMMENT, ENABLED, NEW, SOA, Signed, new_zone
from panel.dns import actions
from panel.dns.exporting import FORMS, export_zone
from panel.dns.faulty_rows import zones_in
from panel.dns.finding import zones_query
from panel.dns.models import Zone
from panel.dns.remarking import remarks_of
from panel.dns.signing import REASON_MOST
from panel.kernel.access import Actor
from panel.ledger.resources import RESOURCE_STATES
from panel.ledger.waiting import jobs_finished
from panel.shapes import orders
from panel.shapes import zones as shapes
from panel.wording.zone_lint import remark_words

_FILTERS = {
    "member_id": Id(),
    "state": Text(choices=RESOURCE_STATES),
    "name": Text(most=300),
    "template": Text(most=100),
    "dnssec": Boolean(says="Signed or not."),
}
_CHANGE = Shape(
    fields={
        "dnssec": Signed(
            shape=Shape(
                fields={
                    "enabled": ENABLED,
                    "force": Boolean(says="Off at once, though the parent may still have a DS; staff, with a reason."),
                    "reason": Text(most=REASON_MOST),
                }
            ),
            says="Off the safe way: signed until the parent's DS is gone.",
        ),
        "soa": SOA,
        "comment": COMMENT,
    }
)


@operation(
    "GET",
    "/zones",
    permission="dns:read",
    query=list_parameters(orders.ZONES, _FILTERS),
    answer=page_of("Zone"),
)
def list_zones(actor: Actor, ask: Ask) -> Answer:
    """List zones, removed ones only where `state` asks for them; `search` is part of the name, also in its own letters.

    `warnings` is null of zones that are too large to look through for a list.
    """
    query = zones_query(
        actor,
        search=ask.query.get("search", ""),
        member_id=ask.query.get("member_id"),
        state=ask.query.get("state"),
    )
    answer = list_answer(ask, _narrowed(ask, query), lambda row: {"row": row}, sorts=orders.ZONES, default="name")
    rows = [one["row"] for one in answer.body["items"]]
    said = remarks_of(rows)
    answer.body["items"] = [shapes.zone(row, said[row.id], remark_words) for row in rows]
    return answer


@operation("GET", "/zones/<uuid:id>", permission="dns:read", answer=ref("Zone"), versioned=True)
def show_zone(actor: Actor, ask: Ask) -> Answer:
    """Show a zone; `proof` says what is waited for where its name came from outside."""
    zone = actions.get_zone(actor, ask.id)
    return Answer(body=shown(actor, zone), etag=etag(zone))


@operation(
    "POST",
    "/zones",
    permission="dns:write",
    body=Shape(fields=dict(NEW.fields) | {"accept_warnings": ACCEPT}),
    answer=ref("Zone"),
    statuses=(201, 202),
    waits=True,
    replay=replay_created,
)
def create_zone(actor: Actor, ask: Ask) -> Answer:
    """Ask for a zone. 201 when all name servers answer it, or while it waits for proof; 202 before."""
    new, accept = new_zone(ask.body), ask.body.get("accept_warnings", False)
    with zones_in(many=False):
        (done,) = actions.create_zones(actor, zones=[new], accept_warnings=accept)
    return changed(actor, done, created=True)


def _replay_batch(_actor: Actor, kept: dict[str, Any]) -> Answer:
    return _batch(kept)


@operation(
    "POST",
    "/zones/batch",
    permission="dns:write",
    body=BATCH,
    answer=ref("ZoneBatch"),
    statuses=(201, 202),
    waits=True,
    replay=_replay_batch,
)
def create_zones(actor: Actor, ask: Ask) -> Answer:
    """Ask for up to 10,000 zones, all or none. Errors name the `row`, from 0."""
    with zones_in(many=True):
        accept = ask.body.get("accept_warnings", False)
        made = actions.create_zones(actor, zones=[*map(new_zone, ask.body["zones"])], accept_warnings=accept)
    jobs = {str(one.job.id): None for one in made if one.job is not None}
    return _batch({"items": [_brief(one) for one in made], "total": len(made), "jobs": list(jobs)})


@operation("PATCH", "/zones/<uuid:id>", body=_CHANGE, **WRITES)
def change_zone(actor: Actor, ask: Ask) -> Answer:
    """Change the times in a zone's SOA, its signing, or both. A zone leaves DNSSEC in two steps: ask twice."""
    comment = ask.body.get("comment", "")
    with as_seen(actor, ask.id):
        done = actions.Changed(zone=actions.get_zone(actor, ask.id))
        if ask.body.get("soa"):
            done = actions.set_soa(actor, zone_id=ask.id, comment=comment, **ask.body["soa"])
        if "dnssec" in ask.body:
            done = _both(done, actions.set_dnssec(actor, zone_id=ask.id, **ask.body["dnssec"]))
    return changed(actor, done)


@operation("DELETE", "/zones/<uuid:id>", **WRITES)
def remove_zone(actor: Actor, ask: Ask) -> Answer:
    """Stop serving a zone; it can be restored with its keys until `purge_at`."""
    with as_seen(actor, ask.id):
        done = actions.remove_zone(actor, zone_id=ask.id)
    return changed(actor, done)


@operation("POST", "/zones/<uuid:id>/restore", replay=replay_changed, **WRITES)
def restore_zone(actor: Actor, ask: Ask) -> Answer:
    """Serve a removed zone again; its serial goes on."""
    with as_seen(actor, ask.id):
        done = actions.restore_zone(actor, zone_id=ask.id)
    return changed(actor, done)


@operation(
    "GET",
    "/zones/<uuid:id>/export",
    permission="dns:read",
    query={"form": Text(choices=FORMS, says="`zone` (text/dns) or `json`; without it as `Accept` says.")},
    files={"text/dns": TEXT, "application/json": ref("ZoneFile")},
)
def read_zone_export(actor: Actor, ask: Ask) -> Answer:
    """Read a zone as a file. Imported again it changes nothing."""
    accepted = request.accept_mimetypes.best_match(["text/dns", "application/json"], "text/dns")
    form = ask.query.get("form") or ("json" if accepted == "application/json" else "zone")
    file = export_zone(actor, zone_id=ask.id, form=form)
    return Answer(file=(file.text.encode(), f"{file.media_type}; charset=utf-8", file.file_name))


def _narrowed(ask: Ask, query: Select[Zone]) -> Select[Zone]:
    if "name" in ask.query:
        query = query.where(Zone.name == ask.query["name"].lower().rstrip("."))
    for name in ("template", "dnssec"):
        query = query if name not in ask.query else query.where(getattr(Zone, name) == ask.query[name])
    return query


def _both(first: actions.Changed, second: actions.Changed) -> actions.Changed:
    """The later change, unless it changed nothing."""
    return first if second.version is None else second


def _brief(one: actions.Changed) -> dict[str, Any]:
    zone = one.zone
    member_id = None if zone.member_id is None else str(zone.member_id)
    return {"id": str(zone.id), "member_id": member_id, "name": zone.name, "state": "pending", "held": zone.is_held}


def _batch(body: dict[str, Any]) -> Answer:
    finished = jobs_finished([uuid.UUID(job) for job in body["jobs"]])

    def again() -> Answer:
        location = f"/api/v1/jobs/{body['jobs'][0]}" if body["jobs"] else None
        return Answer(body=body, status=201 if finished() else 202, location=location)

    return Answer(settled=finished, again=again)
