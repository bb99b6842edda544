"""``cis members``: the legal entities the association serves."""

from __future__ import annotations

import sys
from typing import IO, Any

import click

from panel.cli.errors import EXIT_CODES
from panel.cli.lists import listed, print_list
from panel.cli.output import as_json, print_json, print_one
from panel.cli.references import find_member
from panel.cli.session import with_panel
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid
from panel.members import actions
from panel.members.importing import import_units
from panel.members.models import MEMBER_KINDS
from panel.shapes import members as shapes
from panel.shapes import orders
from panel.wording import describe

_FIELDS = ("name", "kind", "teryt", "nip", "regon", "rspo", "slug", "e_delivery_address", "address")


def _with_fields(command: Any) -> Any:
    for field in reversed(_FIELDS):
        kind = click.Choice(MEMBER_KINDS) if field == "kind" else None
        command = click.option(f"--{field.replace('_', '-')}", field, type=kind)(command)
    return click.option("--parent", metavar="MEMBER", help="Whom it belongs to.")(command)


@click.group()
def members() -> None:
    """Legal entities the association serves. MEMBER is an id, a slug or a TERYT code."""


@members.command("list")
@click.argument("search", default="")
@click.option("--kind", type=click.Choice(MEMBER_KINDS))
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, kind: str | None, **page: Any) -> None:
    """List members whose name, slug, TERYT, NIP or RSPO holds all words of SEARCH."""
    columns = {"slug": "slug", "name": "name", "kind": "kind", "TERYT": "teryt", "county": "county", "id": "id"}
    query = actions.members_query(actor, search=search, kind=kind)
    print_list(query, shapes.member, columns, orders=orders.MEMBERS, default="name", page=page, searching=bool(search))


@members.command()
@click.argument("member")
@as_json
@with_panel
def show(actor: Actor, /, *, member: str, json_: bool) -> None:
    """Show MEMBER."""
    print_one(shapes.member(find_member(actor, member)), json_=json_)


@members.command()
@_with_fields
@as_json
@with_panel
def create(actor: Actor, /, *, json_: bool, parent: str | None, **fields: str | None) -> None:
    """Take in a member; --name and --kind are needed."""
    print_one(shapes.member(actions.create_member(actor, **_given(actor, parent, fields))), json_=json_)


@members.command()
@click.argument("member")
@_with_fields
@as_json
@with_panel
def update(actor: Actor, /, *, member: str, json_: bool, parent: str | None, **fields: str | None) -> None:
    """Change what is given of MEMBER; an empty value takes one away."""
    changed = actions.update_member(actor, find_member(actor, member).id, **_given(actor, parent, fields))
    print_one(shapes.member(changed), json_=json_)


@members.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--keep-good", is_flag=True, help="Take the good rows in even if others are bad.")
@as_json
@with_panel
def import_(actor: Actor, /, *, file: IO[bytes], keep_good: bool, json_: bool) -> None:
    """Take in units of local government from FILE: CSV in UTF-8 with teryt,name,kind,powiat,voivodeship.

    The same file again changes nothing. Bad rows are told by line, column, value and how to put them right; then
    nothing is written, unless --keep-good is given.
    """
    report = import_units(actor, file.read(), keep_good=keep_good)
    for bad in report.bad:
        click.echo(f"{file.name}:{bad.line}: {bad.error.field} = {bad.value!r}: {describe(bad.error)}", err=True)
    counts = {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "bad": len(report.bad),
    }
    if json_:
        print_json(counts | {"written": report.written})
    elif report.written:
        click.echo(", ".join(f"{number} {word}" for word, number in counts.items()))
    else:
        click.echo(f"{len(report.bad)} bad rows; nothing was written", err=True)
    if report.bad:
        sys.exit(EXIT_CODES[Invalid])


def _given(actor: Actor, parent: str | None, fields: dict[str, str | None]) -> dict[str, Any]:
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    return given if parent is None else given | {"parent_id": find_member(actor, parent).id}
