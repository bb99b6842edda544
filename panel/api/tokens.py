"""Tokens for programs, and the roles they may carry."""

from __future__ import annotations

from panel.api.fields import Id, Integer, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed, short_answer, short_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.identity import actions
from panel.identity.actions import TOKEN_DAYS_MAX
from panel.identity.models import ApiToken
from panel.kernel.access import ROLES, Actor
from panel.shapes import identity as shapes
from panel.shapes import orders

_NEW = Shape(
    fields={
        "member_id": Id(nullable=True, says="Whose rows it reaches, with those below; null: all its maker reaches."),
        "role": Text(required=True, choices=tuple(ROLES)),
        "name": Text(most=100),
        "kinds": ListOf(of=Text(most=50), nullable=True, most=50, says="Only these kinds of resources."),
        "networks": ListOf(of=Text(most=50), nullable=True, most=50, says="Only from these networks."),
        "expires_in_days": Integer(least=1, most=TOKEN_DAYS_MAX),
    }
)


@operation(
    "GET",
    "/tokens",
    permission="tokens:read",
    query=list_parameters(orders.TOKENS, {"member_id": Id(), "role": Text(choices=tuple(ROLES)), "maker_id": Id()}),
    answer=page_of("Token"),
)
def list_tokens(actor: Actor, ask: Ask) -> Answer:
    """List tokens, newest first; `search` covers their names."""
    columns = {"member_id": ApiToken.member_id, "role": ApiToken.role, "maker_id": ApiToken.maker_id}
    query = narrowed(ask, actions.tokens_query(actor), columns)
    for word in ask.query.get("search", "").split():
        query = query.where(ApiToken.name.icontains(word, autoescape=True))
    return list_answer(ask, query, shapes.token, sorts=orders.TOKENS, default="-created_at")


@operation("POST", "/tokens", permission="tokens:write", body=_NEW, answer=ref("Token"), statuses=(201,))
def create_token(actor: Actor, ask: Ask) -> Answer:
    """Make a token. Its secret is in this answer only; it never may more than its maker."""
    token, secret = actions.create_token(actor, **ask.body)
    return Answer(body=shapes.token(token) | {"token": secret}, status=201)


@operation("DELETE", "/tokens/<uuid:id>", permission="tokens:write", answer=ref("Token"))
def revoke_token(actor: Actor, ask: Ask) -> Answer:
    """End a token at once."""
    return Answer(body=shapes.token(actions.revoke_token(actor, ask.id)))


@operation("GET", "/roles", permission=None, query=short_parameters(("name",)), answer=page_of("Role"))
def list_roles(_actor: Actor, ask: Ask) -> Answer:
    """List the roles and what each may do."""
    return short_answer(ask, [shapes.role(name) for name in ROLES], sorts=("name",), default="name")
