"""``cis entitlements``: what contracts grant a member."""

from __future__ import annotations

from datetime import date

import click

from panel.cli.output import Row, as_json, print_rows
from panel.cli.references import find_member
from panel.cli.session import with_panel
from panel.cli.values import Day
from panel.contracts.entitlements import entitlements as granted_to
from panel.kernel.access import Actor
from panel.shapes import members as shapes


@click.command()
@click.argument("member")
@click.option("--on", type=Day(), help="As of this day.  [default: today]")
@as_json
@with_panel
def entitlements(actor: Actor, /, *, member: str, on: date | None, json_: bool) -> None:
    """Show what MEMBER is granted and uses, and which contract items it comes from."""
    rows = [shapes.entitlement(item) for item in granted_to(actor, find_member(actor, member).id, on=on)]
    print_rows(rows, {"kind": "kind", "used": "used", "granted": "granted", "from": _sources}, json_=json_)


def _sources(row: Row) -> str:
    return "\n".join(
        f"{source['contract_number']}: {source['service']} × {source['quantity']}"
        if source["contract_id"]
        else "membership"
        for source in row["sources"]
    )
