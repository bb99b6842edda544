"""``cis users``: people who sign in to the pages."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import click
from flask import current_app

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import Row, as_json, print_one
from panel.cli.references import find_member, find_user, require_id
from panel.cli.session import with_panel
from panel.identity import grants, people
from panel.identity.actions import create_user, ensure_roles
from panel.identity.email_changes import ask_for_other, withdraw_change
from panel.identity.people import users_query
from panel.identity.second_factor import new_totp
from panel.kernel.access import ROLES, Actor
from panel.kernel.errors import Invalid
from panel.kernel.passwords import PASSWORD_MIN, hash_user_password
from panel.shapes import identity as shapes
from panel.shapes import orders


@click.group()
def users() -> None:
    """People who sign in to the pages."""


@users.command("list")
@click.option("--search", default="", help="Part of the address or of the name.")
@click.option("--role", type=click.Choice(tuple(ROLES)))
@click.option("--member", metavar="MEMBER", help="Who holds a role on it.")
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, role: str | None, member: str | None, **page: Any) -> None:
    """List users and the roles they hold."""
    member_id = None if member is None else find_member(actor, member).id
    query = users_query(actor, search=search, role=role, member_id=member_id)
    columns: Columns = {
        "e-mail": "email",
        "name": "name",
        "active": "active",
        "second factor": "second_factor",
        "roles": _roles,
        "id": "id",
    }
    print_list(query, shapes.user, columns, orders=orders.USERS, default="email", page=page, searching=bool(search))


@users.command()
@click.argument("user")
@as_json
@with_panel
def show(actor: Actor, /, *, user: str, json_: bool) -> None:
    """Show USER (id or address) with roles and the ids of their grants."""
    print_one(shapes.user(find_user(actor, user)), json_=json_)


@users.command()
@click.argument("user")
@click.option("--role", type=click.Choice(tuple(ROLES)), required=True)
@click.option("--member", metavar="MEMBER", help="On whom; else on the whole association.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it holds; else for good.")
@as_json
@with_panel
def grant(actor: Actor, /, *, user: str, role: str, member: str | None, until: datetime | None, json_: bool) -> None:
    """Give USER a role. Given again, only its end changes."""
    member_id = None if member is None else find_member(actor, member).id
    over = grants.over_after(None if until is None else until.date())
    changed = grants.grant_role(actor, find_user(actor, user).id, role=role, member_id=member_id, until=over)
    print_one(shapes.user(changed), json_=json_)


@users.command()
@click.argument("user")
@click.argument("grant")
@as_json
@with_panel
def revoke(actor: Actor, /, *, user: str, grant: str, json_: bool) -> None:
    """Take the role with the id GRANT (see `cis users show`) back from USER, at once."""
    changed = grants.revoke_grant(actor, find_user(actor, user).id, grant_id=require_id(grant))
    print_one(shapes.user(changed), json_=json_)


@users.command()
@click.argument("user")
@as_json
@with_panel
def deactivate(actor: Actor, /, *, user: str, json_: bool) -> None:
    """Let USER in no more: sessions end, tokens open nothing, roles are kept."""
    print_one(shapes.user(people.deactivate_user(actor, find_user(actor, user).id)), json_=json_)


@users.command()
@click.argument("user")
@as_json
@with_panel
def activate(actor: Actor, /, *, user: str, json_: bool) -> None:
    """Let USER in again, with the roles held before."""
    print_one(shapes.user(people.activate_user(actor, find_user(actor, user).id)), json_=json_)


@users.command()
@click.argument("user")
@click.argument("email")
@as_json
@with_panel
def email(actor: Actor, /, *, user: str, email: str, json_: bool) -> None:
    """Have USER sign in by EMAIL once it is confirmed by a link sent there; the present one is told."""
    print_one(shapes.email_change(ask_for_other(actor, find_user(actor, user).id, email=email)), json_=json_)


@users.command()
@click.argument("user")
@as_json
@with_panel
def keep_email(actor: Actor, /, *, user: str, json_: bool) -> None:
    """Keep USER's present e-mail: the link to another one is void."""
    print_one(shapes.user(withdraw_change(actor, find_user(actor, user).id)), json_=json_)


@users.command()
@click.argument("email")
@click.option("--name", default="")
@click.option("--role", type=click.Choice(tuple(ROLES)), required=True)
@click.option("--member", metavar="MEMBER", help="On whom the role is held; else on the whole association.")
@click.option("--language", type=click.Choice(("pl", "en")), default="pl", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input's first line.")
@click.option("--totp", is_flag=True, help="Make a second factor and print its secret, this once.")
@as_json
@with_panel
def create(
    actor: Actor, /, *, member: str | None, password_stdin: bool, totp: bool, json_: bool, **values: Any
) -> None:
    """Make the user EMAIL; the password is asked for on the terminal or read from standard input."""
    password = _password(password_stdin=password_stdin)
    ensure_roles()
    factor = new_totp(current_app.config["CIS"]) if totp else None
    user = create_user(
        actor,
        **values,
        password_hash=hash_user_password(password),
        member_id=None if member is None else find_member(actor, member).id,
        totp_secret=None if factor is None else factor.stored,
    )
    print_one(shapes.user(user) | ({} if factor is None else {"totp": factor.base32}), json_=json_)


def _roles(row: Row) -> str:
    return ", ".join(
        f"{grant['role']}{' on ' + grant['member_id'] if grant['member_id'] else ''}" for grant in row["grants"]
    )


def _password(*, password_stdin: bool) -> str:
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    if len(password) < PASSWORD_MIN:
        raise Invalid("password_short", field="password", least=PASSWORD_MIN)
    return password
