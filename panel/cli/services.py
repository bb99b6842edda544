"""``cis services``: the catalogue."""

from __future__ import annotations

import click

from panel.cli.lists import Columns
from panel.cli.output import Row, as_json, print_rows
from panel.cli.session import with_panel
from panel.contracts.actions import list_services
from panel.kernel.access import Actor
from panel.kernel.i18n import language
from panel.shapes import contracts as shapes


@click.group()
def services() -> None:
    """What can be contracted."""


@services.command("list")
@as_json
@with_panel
def list_(actor: Actor, /, *, json_: bool) -> None:
    """List the catalogue: prices in PLN a year, and what one unit grants."""
    rows = [shapes.service(service, language=language()) for service in list_services(actor)]
    columns: Columns = {"code": "code", "name": "name", "unit": "unit", "price": "price", "grants": _grants}
    print_rows(rows, columns, json_=json_)


def _grants(row: Row) -> str:
    granted = row["entitlements"]
    amounts = [f"{kind} {amount}" for kind, amount in granted.items() if amount and kind != "portals"]
    return ", ".join([*amounts, *granted["portals"]])
