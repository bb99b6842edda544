"""``cis tokens``: what programs sign in with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
from sqlalchemy import select

from panel.cli.lists import listed, print_list
from panel.cli.output import as_json, print_one
from panel.cli.references import find_member, require_id
from panel.cli.session import with_panel
from panel.identity import actions
from panel.identity.models import User
from panel.kernel.access import ROLES, Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.shapes import identity as shapes
from panel.shapes import orders


@click.group()
def tokens() -> None:
    """What programs sign in with at the API."""


@tokens.command("list")
@listed
@with_panel
def list_(actor: Actor, /, **page: Any) -> None:
    """List tokens, newest first."""
    columns = {"id": "id", "name": "name", "role": "role", "member": "member_id", "expires": "expires_at",
               "revoked": "revoked_at", "last used": "last_used_at"}  # fmt: skip
    print_list(
        actions.tokens_query(actor), shapes.token, columns, orders=orders.TOKENS, default="-created_at", page=page
    )


@tokens.command()
@click.option(
    "--for", "email", required=True, metavar="EMAIL", help="The user it acts for; it never may more than that user."
)
@click.option("--role", type=click.Choice(tuple(ROLES)), required=True)
@click.option("--member", metavar="MEMBER", help="Whose rows it reaches; else all its user reaches.")
@click.option("--name", default="", help="What it is for.")
@click.option("--kind", "kinds", multiple=True, help="Only these kinds of resources; may be repeated.")
@click.option("--network", "networks", multiple=True, help="Only from these networks; may be repeated.")
@click.option("--days", "expires_in_days", type=int, default=90, show_default=True)
@as_json
@with_panel
def create(actor: Actor, /, *, email: str, member: str | None, json_: bool, **values: Any) -> None:
    """Make a token. Its secret is printed this once."""
    member_id = None if member is None else find_member(actor, member).id
    narrowed: dict[str, Any] = {name: values.pop(name) or None for name in ("kinds", "networks")}
    token, secret = actions.create_token(_maker(actor, email), member_id=member_id, **narrowed, **values)
    print_one({"token": secret} | shapes.token(token), json_=json_)


@tokens.command()
@click.argument("token")
@as_json
@with_panel
def revoke(actor: Actor, /, *, token: str, json_: bool) -> None:
    """End TOKEN (its id) at once."""
    print_one(shapes.token(actions.revoke_token(actor, require_id(token))), json_=json_)


def _maker(actor: Actor, email: str) -> Actor:
    """The user the token will act for; that the user may have one is the decision of the person at the terminal."""
    user = db.session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise NotFound("not_found", field="email")
    maker = actions.actor_for_user(user, fresh=True)
    grants = tuple(replace(grant, permissions=grant.permissions | {"tokens:write"}) for grant in maker.grants)
    return replace(maker, ref=actor.ref, name=actor.name, on_behalf_of=maker.ref, grants=grants)
