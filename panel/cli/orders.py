"""``cis orders``: what members ask for beyond what they have."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import click

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import Row, as_json, print_one
from panel.cli.references import as_id, find_contract, find_member
from panel.cli.session import with_panel
from panel.cli.values import Day
from panel.contracts import orders as actions
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.shapes import contracts as shapes
from panel.shapes import orders as sorts


@click.group()
def orders() -> None:
    """What members ask for beyond what they have. ORDER is an id or a number such as ZAM/2026/00001."""


@orders.command("list")
@click.argument("search", default="")
@click.option("--member", metavar="MEMBER")
@click.option("--state", type=click.Choice(actions.ORDER_STATES))
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, member: str | None, state: str | None, **page: Any) -> None:
    """List orders whose number or member holds all words of SEARCH."""
    member_id = None if member is None else find_member(actor, member).id
    query = actions.orders_query(actor, search=search, member_id=member_id, state=state)
    columns: Columns = {"number": "number", "state": "state", "items": _items, "a year": "total", "sent": "sent_at"}
    print_list(query, shapes.order, columns, orders=sorts.ORDERS, default="-created_at", page=page,
               searching=bool(search))  # fmt: skip


@orders.command()
@click.argument("order")
@as_json
@with_panel
def show(actor: Actor, /, *, order: str, json_: bool) -> None:
    """Show ORDER."""
    print_one(shapes.order(actions.get_order(actor, _find(actor, order))), json_=json_)


@orders.command()
@click.argument("member")
@click.option("--item", "items", multiple=True, required=True, metavar="SERVICE=QUANTITY", help="May be repeated.")
@click.option("--contract", metavar="CONTRACT", help="What it shall extend; a new contract without it.")
@click.option("--note", default="")
@as_json
@with_panel
def create(
    actor: Actor, /, *, member: str, items: tuple[str, ...], contract: str | None, note: str, json_: bool
) -> None:
    """Order more for MEMBER, in its name."""
    member_id = find_member(actor, member).id
    contract_id = None if contract is None else find_contract(actor, contract).id
    wanted = [_item(text) for text in items]
    order = actions.place_order(actor, member_id=member_id, items=wanted, contract_id=contract_id, note=note)
    print_one(shapes.order(order), json_=json_)


@orders.command()
@click.argument("order")
@click.option("--number", required=True, help="Of the amendment, or of the new contract.")
@click.option("--from", "effective_on", type=Day(), required=True, help="From which day it is granted.")
@click.option("--until", "ends_on", type=Day(), help="Last day of a new contract.")
@as_json
@with_panel
def approve(actor: Actor, /, *, order: str, number: str, effective_on: date, ends_on: date | None, json_: bool) -> None:
    """Approve ORDER: an amendment or a new contract grants it."""
    approved = actions.approve_order(
        actor, _find(actor, order), number=number, effective_on=effective_on, ends_on=ends_on
    )
    print_one(shapes.order(approved), json_=json_)


@orders.command()
@click.argument("order")
@click.option("--reason", required=True, help="What the member reads.")
@as_json
@with_panel
def refuse(actor: Actor, /, *, order: str, reason: str, json_: bool) -> None:
    """Refuse ORDER."""
    print_one(shapes.order(actions.refuse_order(actor, _find(actor, order), reason=reason)), json_=json_)


@orders.command()
@click.argument("order")
@as_json
@with_panel
def withdraw(actor: Actor, /, *, order: str, json_: bool) -> None:
    """Take ORDER back before somebody decided."""
    print_one(shapes.order(actions.withdraw_order(actor, _find(actor, order))), json_=json_)


def _find(actor: Actor, text: str) -> uuid.UUID:
    known = as_id(text) or db.session.scalar(
        actions.orders_query(actor).where(actions.Order.number == text).with_only_columns(actions.Order.id)
    )
    if known is None:
        raise NotFound("not_found", field="order")
    return known


def _item(text: str) -> dict[str, Any]:
    service, _, quantity = text.partition("=")
    if not quantity.isascii() or not quantity.isdigit():
        raise click.BadParameter(f"{text!r} is not SERVICE=QUANTITY", param_hint="--item")
    return {"service": service, "quantity": int(quantity)}


def _items(row: Row) -> str:
    return ", ".join(f"{item['service']} × {item['quantity']}" for item in row["items"])
