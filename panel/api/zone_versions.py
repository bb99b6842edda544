"""Versions of zones: what changed when, by whom and why; compared, and put back."""

from __future__ import annotations

from panel.api.fields import Integer, Shape
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.api.zone_answers import WRITES, as_seen, changed, replay_changed
from panel.api.zone_fields import ACCEPT, COMMENT
from panel.dns import actions
from panel.kernel.access import Actor
from panel.kernel.errors import NotFound
from panel.shapes import orders
from panel.shapes import zones as shapes

_MOST = 2**31 - 1


@operation(
    "GET",
    "/zones/<uuid:id>/versions",
    permission="dns:read",
    query=list_parameters(orders.ZONE_VERSIONS, search=False),
    answer=page_of("ZoneVersion"),
)
def list_zone_versions(actor: Actor, ask: Ask) -> Answer:
    """List the versions of a zone, the newest first."""
    query = actions.zone_versions(actor, ask.id)
    return list_answer(ask, query, shapes.version, sorts=orders.ZONE_VERSIONS, default="-number")


@operation("GET", "/zones/<uuid:id>/versions/<int:number>", permission="dns:read", answer=ref("WholeZoneVersion"))
def show_zone_version(actor: Actor, ask: Ask) -> Answer:
    """Show a version with what it changed."""
    return Answer(body=shapes.whole_version(actions.get_version(actor, ask.id, _number(ask))))


@operation(
    "GET",
    "/zones/<uuid:id>/versions/<int:number>/compare",
    permission="dns:read",
    query={"with": Integer(least=1, most=_MOST, says="The earlier version; the one before if not given.")},
    answer=ref("ComparedVersions"),
)
def compare_zone_versions(actor: Actor, ask: Ask) -> Answer:
    """Say what differs between an earlier version and this one."""
    new = _number(ask)
    found = actions.compare_versions(actor, ask.id, old=ask.query.get("with", max(1, new - 1)), new=new)
    return Answer(body=shapes.compared(found))


@operation(
    "POST",
    "/zones/<uuid:id>/versions/<int:number>/revert",
    body=Shape(fields={"comment": COMMENT, "accept_warnings": ACCEPT}),
    replay=replay_changed,
    **WRITES,
)
def revert_zone(actor: Actor, ask: Ask) -> Answer:
    """Have a zone hold what it held as of a version, as a new version; its serial goes on."""
    with as_seen(actor, ask.id):
        done = actions.revert_zone(actor, zone_id=ask.id, number=_number(ask), **ask.body)
    return changed(actor, done)


def _number(ask: Ask) -> int:
    """The version in the address. Raises NotFound for a number that no database knows."""
    number: int = ask.path["number"]
    if number > _MOST:
        raise NotFound("not_found")
    return number
