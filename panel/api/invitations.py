"""Invitations: roles offered by e-mail. No answer holds the link: it goes to the invited address only."""

from __future__ import annotations

from panel.api.fields import Id, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.identity import invitations as actions
from panel.identity.invitations import NAME_MAX, STATES, Invitation
from panel.kernel.access import ROLES, Actor
from panel.kernel.i18n import LANGUAGES
from panel.shapes import identity as shapes
from panel.shapes import orders

_NEW = Shape(
    fields={
        "email": Text(required=True, most=254),
        "role": Text(required=True, choices=tuple(ROLES)),
        "member_id": Id(nullable=True, says="On whom the role is offered; null: on the whole association."),
        "name": Text(most=NAME_MAX),
        "language": Text(choices=LANGUAGES, says="Of the message."),
    }
)

_FILTERS = {"email": Text(most=254), "role": Text(choices=tuple(ROLES))}


@operation(
    "GET",
    "/invitations",
    permission="users:read",
    query=list_parameters(orders.INVITATIONS, {"member_id": Id(), "state": Text(choices=STATES)} | _FILTERS),
    answer=page_of("Invitation"),
)
def list_invitations(actor: Actor, ask: Ask) -> Answer:
    """List invitations, newest first; `search` covers address and name."""
    asked = {name: ask.query[name] for name in ("search", "state", "member_id") if name in ask.query}
    query = actions.invitations_query(actor, **asked)
    query = narrowed(ask, query, {"email": Invitation.email, "role": Invitation.role})
    return list_answer(ask, query, shapes.invitation, sorts=orders.INVITATIONS, default="-created_at")


@operation("POST", "/invitations", permission="users:invite", body=_NEW, answer=ref("Invitation"), statuses=(201,))
def invite_person(actor: Actor, ask: Ask) -> Answer:
    """Offer a role to whoever reads mail at an address. Nobody offers more than they hold."""
    row = actions.invite(actor, **ask.body)
    return Answer(body=shapes.invitation(row), status=201, location=f"/api/v1/invitations/{row.id}")


@operation("GET", "/invitations/<uuid:id>", permission="users:read", answer=ref("Invitation"))
def show_invitation(actor: Actor, ask: Ask) -> Answer:
    """Show an invitation."""
    return Answer(body=shapes.invitation(actions.get_invitation(actor, ask.id)))


@operation("POST", "/invitations/<uuid:id>/resend", permission="users:invite", answer=ref("Invitation"))
def resend_invitation(actor: Actor, ask: Ask) -> Answer:
    """Send a new link; earlier ones are void."""
    return Answer(body=shapes.invitation(actions.resend_invitation(actor, ask.id)))


@operation("DELETE", "/invitations/<uuid:id>", permission="users:invite", answer=ref("Invitation"))
def withdraw_invitation(actor: Actor, ask: Ask) -> Answer:
    """Take an invitation back: its link is void."""
    return Answer(body=shapes.invitation(actions.withdraw_invitation(actor, ask.id)))
