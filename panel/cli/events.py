"""``cis events``: what happened."""

from __future__ import annotations

from typing import Any

import click

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import Row
from panel.cli.references import find_member, find_node
from panel.cli.session import with_panel
from panel.kernel.access import Actor
from panel.ledger.events import events_query
from panel.shapes import ledger as shapes
from panel.shapes import orders


@click.group()
def events() -> None:
    """What happened to whom, by whom, when."""


@events.command("list")
@click.option("--member", metavar="MEMBER")
@click.option("--node", metavar="NODE")
@click.option("--tag", help="How the tag begins: mail:mailbox")
@listed
@with_panel
def list_(actor: Actor, /, *, member: str | None, node: str | None, tag: str | None, **page: Any) -> None:
    """List events, newest first."""
    query = events_query(
        actor,
        member_id=None if member is None else find_member(actor, member).id,
        node_id=None if node is None else find_node(actor, node).id,
        tag=tag,
    )
    columns: Columns = {
        "at": "at",
        "tag": "tag",
        "actor": _who,
        "about": _about,
        "data": "data",
    }
    print_list(query, shapes.event, columns, orders=orders.EVENTS, default="-at", page=page)


def _who(row: Row) -> str:
    """The person, and the member in whose name somebody of the staff did it."""
    name, member = row["actor_name"] or row["actor"], row["data"].get("on_behalf_of")
    return f"{name} for {member}" if member else str(name)


def _about(row: Row) -> str:
    thing = row["resource"]
    return "" if thing is None else thing["name"] or thing["kind"]
