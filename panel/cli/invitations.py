"""``cis invitations``: roles offered by e-mail."""

from __future__ import annotations

from typing import Any

import click

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import as_json, print_one
from panel.cli.references import find_member, require_id
from panel.cli.session import with_panel
from panel.identity import invitations as actions
from panel.kernel.access import ROLES, Actor
from panel.kernel.i18n import LANGUAGES
from panel.shapes import identity as shapes
from panel.shapes import orders


@click.group()
def invitations() -> None:
    """Roles offered by e-mail."""


@invitations.command("list")
@click.option("--search", default="", help="Part of the address or the name.")
@click.option("--state", type=click.Choice(actions.STATES))
@click.option("--member", metavar="MEMBER", help="On whom the role is offered.")
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, state: str | None, member: str | None, **page: Any) -> None:
    """List invitations, newest first."""
    columns: Columns = {"e-mail": "email", "role": "role", "member": "member_id", "state": "state",
                        "valid until": "expires_at", "by": "inviter_name", "id": "id"}  # fmt: skip
    member_id = None if member is None else find_member(actor, member).id
    query = actions.invitations_query(actor, search=search, state=state, member_id=member_id)
    print_list(query, shapes.invitation, columns, orders=orders.INVITATIONS, default="-created_at", page=page,
               searching=bool(search))  # fmt: skip


@invitations.command()
@click.argument("email")
@click.option("--role", type=click.Choice(tuple(ROLES)), required=True)
@click.option("--member", metavar="MEMBER", help="On whom the role is offered; else on the whole association.")
@click.option("--name", default="")
@click.option("--language", type=click.Choice(LANGUAGES), default="pl", show_default=True)
@as_json
@with_panel
def send(actor: Actor, /, *, member: str | None, json_: bool, **values: Any) -> None:
    """Offer a role to whoever reads mail at EMAIL."""
    member_id = None if member is None else find_member(actor, member).id
    print_one(shapes.invitation(actions.invite(actor, member_id=member_id, **values)), json_=json_)


@invitations.command()
@click.argument("invitation")
@as_json
@with_panel
def resend(actor: Actor, /, *, invitation: str, json_: bool) -> None:
    """Send a new link for INVITATION (its id); earlier ones are void."""
    print_one(shapes.invitation(actions.resend_invitation(actor, require_id(invitation))), json_=json_)


@invitations.command()
@click.argument("invitation")
@as_json
@with_panel
def withdraw(actor: Actor, /, *, invitation: str, json_: bool) -> None:
    """Take INVITATION (its id) back."""
    print_one(shapes.invitation(actions.withdraw_invitation(actor, require_id(invitation))), json_=json_)
