"""Members, and what their contracts grant."""

from __future__ import annotations

from panel.api.fields import Day, Id, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed, short_answer, short_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.api.versions import require_match
from panel.contracts.entitlements import entitlements
from panel.contracts.models import ENTITLEMENT_KINDS
from panel.kernel.access import Actor
from panel.kernel.db import unit_of_work
from panel.members import actions
from panel.members.models import MEMBER_KINDS, Member
from panel.shapes import members as shapes
from panel.shapes import orders

_BODY = Shape(
    fields={
        "name": Text(required=True, most=200),
        "kind": Text(required=True, choices=MEMBER_KINDS),
        "teryt": Text(nullable=True, most=6, says="County four digits, commune six."),
        "nip": Text(nullable=True, most=20),
        "regon": Text(nullable=True, most=20),
        "rspo": Text(nullable=True, most=20),
        "slug": Text(most=50, says="Local part of the statutory address; made from the name if not given."),
        "parent_id": Id(nullable=True),
        "e_delivery_address": Text(most=200),
        "address": Text(most=200),
        "contacts": ListOf(
            of=Shape(fields={name: Text(most=200) for name in ("role", "name", "email", "phone")}), most=50
        ),
    }
)

_NUMBERS = {name: Text(most=50) for name in ("teryt", "nip", "regon", "rspo", "slug")}
_KINDS = ("kind",)


@operation(
    "GET",
    "/members",
    permission="members:read",
    query=list_parameters(orders.MEMBERS, {"kind": Text(choices=MEMBER_KINDS), "parent_id": Id()} | _NUMBERS),
    answer=page_of("Member"),
)
def list_members(actor: Actor, ask: Ask) -> Answer:
    """List members; `search` covers name, slug, TERYT, NIP and RSPO."""
    query = actions.members_query(
        actor,
        search=ask.query.get("search", ""),
        kind=ask.query.get("kind"),
        parent_id=ask.query.get("parent_id"),
    )
    query = narrowed(ask, query, {name: getattr(Member, name) for name in _NUMBERS})
    return list_answer(ask, query, shapes.member, sorts=orders.MEMBERS, default="name")


@operation(
    "POST", "/members", permission="members:write", staff=True, body=_BODY, answer=ref("Member"), statuses=(201,)
)
def create_member(actor: Actor, ask: Ask) -> Answer:
    """Take in a member."""
    return _answer(actions.create_member(actor, **ask.body), status=201)


@operation("GET", "/members/<uuid:id>", permission="members:read", answer=ref("Member"), versioned=True)
def show_member(actor: Actor, ask: Ask) -> Answer:
    """Show a member."""
    return _answer(actions.get_member(actor, ask.id))


@operation(
    "PATCH",
    "/members/<uuid:id>",
    permission="members:write",
    staff=True,
    body=_BODY.all_optional(),
    answer=ref("Member"),
    versioned=True,
)
def change_member(actor: Actor, ask: Ask) -> Answer:
    """Change what is given of a member."""
    with unit_of_work():
        require_match(_etag(actions.get_member(actor, ask.id, for_change=True)))
        return _answer(actions.update_member(actor, ask.id, **ask.body))


@operation(
    "GET",
    "/entitlements",
    permission="entitlements:read",
    query=short_parameters(
        _KINDS,
        {
            "member_id": Id(required=True),
            "kind": Text(choices=ENTITLEMENT_KINDS),
            "on": Day(says="As of this day; today if not said."),
        },
    ),
    answer=page_of("Entitlement"),
)
def list_entitlements(actor: Actor, ask: Ask) -> Answer:
    """List what a member is granted and uses, with the contract items it comes from."""
    found = entitlements(actor, ask.query["member_id"], on=ask.query.get("on"))
    return short_answer(ask, [shapes.entitlement(item) for item in found], sorts=_KINDS, default="kind", filters=_KINDS)


def _answer(member: Member, status: int = 200) -> Answer:
    location = f"/api/v1/members/{member.id}" if status == 201 else None
    return Answer(body=shapes.member(member), status=status, location=location, etag=_etag(member))


def _etag(member: Member) -> str:
    return f"v{member.version}"
