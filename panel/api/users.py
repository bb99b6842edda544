"""People and the roles they hold. New people come by invitation."""

from __future__ import annotations

from panel.api.fields import Boolean, Day, Id, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.api.versions import digest_of, require_match
from panel.identity import grants, people
from panel.identity.email_changes import ask_for_other, withdraw_change
from panel.identity.models import User
from panel.kernel.access import ROLES, Actor
from panel.kernel.db import one_at_a_time, unit_of_work
from panel.shapes import identity as shapes
from panel.shapes import orders

_ROLE = Text(choices=tuple(ROLES))
_GRANT = Shape(
    fields={
        "role": Text(required=True, choices=tuple(ROLES)),
        "member_id": Id(nullable=True, says="On whom, with all below; null: on the whole association."),
        "until": Day(nullable=True, says="The last day on which it holds; null: until it is taken back."),
    }
)


@operation(
    "GET",
    "/users",
    permission="users:read",
    query=list_parameters(
        orders.USERS,
        {"role": _ROLE, "member_id": Id(), "email": Text(most=254), "active": Boolean(), "second_factor": Boolean()},
    ),
    answer=page_of("User"),
)
def list_users(actor: Actor, ask: Ask) -> Answer:
    """List people with a role in reach; `search` covers e-mail and name."""
    asked = {name: ask.query[name] for name in ("search", "role", "member_id") if name in ask.query}
    query = people.users_query(actor, **asked)
    query = narrowed(ask, query, {"email": User.email, "active": User.active})
    if "second_factor" in ask.query:
        query = query.where(User.tf_totp_secret.is_not(None) == ask.query["second_factor"])
    return list_answer(ask, query, lambda user: _shown(actor, user), sorts=orders.USERS, default="email")


@operation("GET", "/users/<uuid:id>", permission="users:read", answer=ref("User"), versioned=True)
def show_user(actor: Actor, ask: Ask) -> Answer:
    """Show a person with the roles that are yours to see."""
    return _answer(actor, people.get_person(actor, ask.id))


@operation(
    "PATCH",
    "/users/<uuid:id>",
    permission="users:write",
    body=Shape(fields={"name": Text(most=people.NAME_MAX), "active": Boolean(says="false: let in no more.")}),
    answer=ref("User"),
    versioned=True,
)
def change_user(actor: Actor, ask: Ask) -> Answer:
    """Rename a person, let a person in no more, or again. Nobody changes somebody who holds more."""
    with unit_of_work():
        one_at_a_time("users")
        user = people.person_for_change(actor, ask.id)
        require_match(_etag(actor, user))
        if "name" in ask.body:
            user = people.rename_user(actor, ask.id, name=ask.body["name"])
        if "active" in ask.body:
            change = people.activate_user if ask.body["active"] else people.deactivate_user
            user = change(actor, ask.id)
    return _answer(actor, user)


@operation(
    "POST",
    "/users/<uuid:id>/email",
    permission="users:write",
    body=Shape(fields={"email": Text(required=True, most=254)}),
    answer=ref("EmailChange"),
    statuses=(202,),
)
def change_email(actor: Actor, ask: Ask) -> Answer:
    """Ask for another e-mail of a person. It changes once it is confirmed by a link sent there; the old one is told."""
    return Answer(body=shapes.email_change(ask_for_other(actor, ask.id, **ask.body)), status=202)


@operation("DELETE", "/users/<uuid:id>/email", permission="users:write", answer=ref("User"))
def keep_email(actor: Actor, ask: Ask) -> Answer:
    """Keep the present e-mail: the link to another one is void."""
    return Answer(body=_shown(actor, withdraw_change(actor, ask.id)))


@operation(
    "POST", "/users/<uuid:id>/grants", permission="users:write", body=_GRANT, answer=ref("User"), statuses=(201,)
)
def grant_role(actor: Actor, ask: Ask) -> Answer:
    """Give a person a role, of which you hold every permission yourself."""
    until = grants.over_after(ask.body.get("until"))
    return Answer(body=_shown(actor, grants.grant_role(actor, ask.id, **{**ask.body, "until": until})), status=201)


@operation("DELETE", "/users/<uuid:id>/grants/<uuid:grant_id>", permission="users:write", answer=ref("User"))
def revoke_grant(actor: Actor, ask: Ask) -> Answer:
    """Take a role back at once; tokens lose it at their next use."""
    return Answer(body=_shown(actor, grants.revoke_grant(actor, ask.id, grant_id=ask.path["grant_id"])))


def _answer(actor: Actor, user: User) -> Answer:
    return Answer(body=_shown(actor, user), etag=_etag(actor, user))


def _etag(actor: Actor, user: User) -> str:
    """Of what somebody may change: signing in makes no other version of a person."""
    return digest_of(_shown(actor, user) | {"last_sign_in_at": None})


def _shown(actor: Actor, user: User) -> dict[str, object]:
    return shapes.user(user, people.grants_seen(actor, user))
