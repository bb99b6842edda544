"""``cis limits``: who has to wait before trying to come in again."""

from __future__ import annotations

from typing import Any

import click

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import as_json, print_json
from panel.cli.references import require_id
from panel.cli.session import with_panel
from panel.identity.lockouts import clear_lockout, lockouts_query
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.shapes import identity as shapes
from panel.shapes import orders


@click.group()
def limits() -> None:
    """Who has to wait before trying to sign in again."""


@limits.command("list")
@click.option("--search", default="", help="A whole e-mail or network address: only marks of them are kept.")
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, **page: Any) -> None:
    """List who waits now."""
    columns: Columns = {"at what": "what", "sort": "sort", "user": "user_id", "network": "network",
                        "failures": "failures", "until": "until", "id": "id"}  # fmt: skip
    query = lockouts_query(actor, search=search)
    print_list(query, shapes.lockout, columns, orders=orders.LOCKOUTS, default="-last_at", page=page)


@limits.command()
@click.argument("who")
@as_json
@with_panel
def clear(actor: Actor, /, *, who: str, json_: bool) -> None:
    """Let WHO (the id from the list, or a whole e-mail or network address) try again at once."""
    found = [row.id for row in db.session.scalars(lockouts_query(actor, search=who))] or [require_id(who)]
    for attempts_id in found:
        clear_lockout(actor, attempts_id)
    if json_:
        print_json({"cleared": [str(attempts_id) for attempts_id in found]})
