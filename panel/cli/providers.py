"""``cis providers``: outside providers by which people may sign in."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import click
from sqlalchemy import or_

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import as_json, print_one
from panel.cli.references import as_id, find_member
from panel.cli.session import with_panel
from panel.identity import providers as actions
from panel.identity.outside import try_provider
from panel.identity.providers import OutsideProvider
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import Invalid, NotFound
from panel.shapes import identity as shapes
from panel.shapes import orders

Command = TypeVar("Command", bound=Callable[..., Any])
_SECRET_MOST = 10_000


@click.group()
def providers() -> None:
    """Outside providers by which people may sign in (OpenID Connect). PROVIDER is an id or an issuer."""


def _values(command: Command) -> Command:
    """The options that adding and changing share."""
    for option in (
        as_json,
        click.option("--for-staff/--not-for-staff", default=None, help="People of the whole association too."),
        click.option("--member", "members", multiple=True, metavar="MEMBER", help="Whose people; may be repeated."),
        click.option(
            "--secret-file", type=click.File(), help="Read the client's secret from a file; - is standard input."
        ),
    ):
        command = option(command)
    return command


@providers.command("list")
@click.argument("search", default="")
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, **page: Any) -> None:
    """List providers whose name or issuer holds all words of SEARCH."""
    columns: Columns = {"name": "name", "issuer": "issuer", "active": "active", "staff": "for_staff",
                        "members": lambda row: len(row["member_ids"]), "id": "id"}  # fmt: skip
    query = actions.providers_query(actor, search=search)
    print_list(query, shapes.provider, columns, orders=orders.PROVIDERS, default="name", page=page,
               searching=bool(search))  # fmt: skip


@providers.command()
@click.argument("provider")
@as_json
@with_panel
def show(actor: Actor, /, *, provider: str, json_: bool) -> None:
    """Show PROVIDER. Its secret is shown to nobody."""
    print_one(shapes.provider(_find(actor, provider)), json_=json_)


@providers.command()
@click.argument("name")
@click.option("--issuer", required=True, help="To the letter as the provider gives it.")
@click.option("--client-id", required=True)
@_values
@with_panel
def add(actor: Actor, /, *, members: tuple[str, ...], secret_file: Any, json_: bool, **values: Any) -> None:
    """Set up a provider under NAME."""
    values = _said(actor, members, secret_file, values)
    print_one(shapes.provider(actions.add_provider(actor, **values)), json_=json_)


@providers.command()
@click.argument("provider")
@click.option("--name")
@click.option("--client-id")
@click.option("--on/--off", "active", default=None, help="Off: nobody signs in by it; links are kept.")
@_values
@with_panel
def change(
    actor: Actor, /, *, provider: str, members: tuple[str, ...], secret_file: Any, json_: bool, **values: Any
) -> None:
    """Change PROVIDER; what is not said stays. Members that are said replace those there are."""
    values = _said(actor, members, secret_file, values)
    print_one(shapes.provider(actions.alter_provider(actor, _find(actor, provider).id, **values)), json_=json_)


@providers.command()
@click.argument("provider")
@as_json
@with_panel
def remove(actor: Actor, /, *, provider: str, json_: bool) -> None:
    """Remove PROVIDER, if nobody is linked to it."""
    row = _find(actor, provider)
    shown = shapes.provider(row)
    actions.remove_provider(actor, row.id)
    print_one(shown, json_=json_)


@providers.command("try")
@click.argument("provider")
@as_json
@with_panel
def try_(actor: Actor, /, *, provider: str, json_: bool) -> None:
    """Ask PROVIDER for its description and keys, as a sign-in would."""
    print_one(shapes.reached(try_provider(actor, _find(actor, provider).id)), json_=json_)


def _said(actor: Actor, members: tuple[str, ...], secret_file: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What was said on the command line, as the actions take it; a secret never comes by an argument."""
    said = {name: value for name, value in values.items() if value is not None}
    if members:
        said["member_ids"] = [find_member(actor, one).id for one in members]
    if secret_file is not None:
        said["client_secret"] = _secret(secret_file)
    return said


def _secret(file: Any) -> str:
    if file is sys.stdin and sys.stdin.isatty():
        return str(click.prompt("Client secret", hide_input=True))
    found = str(file.read(_SECRET_MOST + 1)).rstrip("\r\n")
    if not found or len(found) > _SECRET_MOST:
        raise Invalid("text_bad", field="client_secret")
    return found


def _find(actor: Actor, text: str) -> OutsideProvider:
    """The provider with this id or issuer. Raises NotFound."""
    here = or_(OutsideProvider.issuer == text, OutsideProvider.id == (as_id(text) or uuid.UUID(int=0)))
    row = db.session.scalar(actions.providers_query(actor).where(here))
    if row is None:
        raise NotFound("not_found", field="provider")
    return row
