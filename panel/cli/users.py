"""``cis users``: people who sign in to the pages."""

from __future__ import annotations

import sys
from typing import Any

import click
from flask import current_app

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import Row, as_json, print_one
from panel.cli.references import find_member
from panel.cli.session import with_panel
from panel.identity.actions import create_user, ensure_roles
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
@listed
@with_panel
def list_(actor: Actor, /, **page: Any) -> None:
    """List users and the roles they hold."""
    columns: Columns = {
        "e-mail": "email",
        "name": "name",
        "active": "active",
        "second factor": "second_factor",
        "roles": _roles,
        "id": "id",
    }
    print_list(users_query(actor), shapes.user, columns, orders=orders.USERS, default="email", page=page)


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
