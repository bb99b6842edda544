"""``cis contracts``: what members signed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import Row, as_json, print_one
from panel.cli.references import find_contract, find_member
from panel.cli.session import with_panel
from panel.cli.values import Day, days, read_table
from panel.contracts import actions
from panel.contracts.models import SUSPENSION_LEVELS
from panel.kernel.access import Actor
from panel.shapes import contracts as shapes
from panel.shapes import orders

_STATUSES = ("future", "active", "expiring", "suspended", "ended")


@click.group()
def contracts() -> None:
    """What members signed. CONTRACT is an id or a number, MEMBER an id, a slug or a TERYT code."""


@contracts.command("list")
@click.argument("search", default="")
@click.option("--member", metavar="MEMBER")
@click.option("--status", type=click.Choice(_STATUSES))
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, member: str | None, status: str | None, **page: Any) -> None:
    """List contracts whose number or member holds all words of SEARCH."""
    member_id = None if member is None else find_member(actor, member).id
    query = actions.contracts_query(actor, search=search, member_id=member_id, status=status)
    columns: Columns = {
        "number": "number",
        "status": "status",
        "from": "starts_on",
        "until": "ends_on",
        "items": _items,
        "id": "id",
    }
    print_list(query, shapes.contract, columns, orders=orders.CONTRACTS, default="-created_at", page=page,
               searching=bool(search))  # fmt: skip


@contracts.command()
@click.argument("contract")
@as_json
@with_panel
def show(actor: Actor, /, *, contract: str, json_: bool) -> None:
    """Show CONTRACT."""
    print_one(shapes.contract(find_contract(actor, contract)), json_=json_)


@contracts.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--member", metavar="MEMBER")
@click.option("--number")
@click.option("--signed-on", type=Day())
@click.option("--starts-on", type=Day())
@click.option("--ends-on", type=Day(), help="Without it: for an unlimited time.")
@click.option("--notice-days", type=int)
@click.option("--item", "items", multiple=True, metavar="SERVICE=QUANTITY", help="May be repeated.")
@as_json
@with_panel
def create(
    actor: Actor, /, *, file: Path | None, member: str | None, items: tuple[str, ...], json_: bool, **given: Any
) -> None:
    """Record a signed contract, from FILE (TOML or JSON, fields as in the API), from options, or both."""
    values = {} if file is None else read_table(file)
    wanted = [days(item) for item in values.pop("items", [])] + [_item(text) for text in items]
    values = days(values) | {name: value for name, value in given.items() if value is not None}
    named = member or str(values.pop("member", values.pop("member_id", "")))
    contract = actions.create_contract(actor, **(values | {"member_id": find_member(actor, named).id}), items=wanted)
    print_one(shapes.contract(contract), json_=json_)


@contracts.command()
@click.argument("contract")
@click.option("--level", type=click.Choice(SUSPENSION_LEVELS), required=True)
@click.option("--reason", required=True, help="What the member reads.")
@as_json
@with_panel
def suspend(actor: Actor, /, *, contract: str, level: str, reason: str, json_: bool) -> None:
    """Suspend what CONTRACT grants."""
    changed = actions.suspend_contract(actor, find_contract(actor, contract).id, level=level, reason=reason)
    print_one(shapes.contract(changed), json_=json_)


@contracts.command()
@click.argument("contract")
@as_json
@with_panel
def resume(actor: Actor, /, *, contract: str, json_: bool) -> None:
    """End a suspension of CONTRACT."""
    print_one(shapes.contract(actions.resume_contract(actor, find_contract(actor, contract).id)), json_=json_)


@contracts.command()
@click.argument("contract")
@click.option("--on", "ended_on", type=Day(), required=True, help="Its last day.")
@as_json
@with_panel
def end(actor: Actor, /, *, contract: str, ended_on: date, json_: bool) -> None:
    """Let CONTRACT end on a day."""
    changed = actions.end_contract(actor, find_contract(actor, contract).id, ended_on=ended_on)
    print_one(shapes.contract(changed), json_=json_)


def _item(text: str) -> dict[str, Any]:
    service, _, quantity = text.partition("=")
    if not quantity.isascii() or not quantity.isdigit():
        raise click.BadParameter(f"{text!r} is not SERVICE=QUANTITY", param_hint="--item")
    return {"service": service, "quantity": int(quantity)}


def _items(row: Row) -> str:
    return ", ".join(f"{item['service']} × {item['quantity']}" for item in row["items"])
