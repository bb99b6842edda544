"""``cis search``: one question over everything."""

from __future__ import annotations

import click

from panel.cli.output import as_json, print_json, print_rows
from panel.cli.session import with_panel
from panel.kernel.access import Actor
from panel.search.everything import KINDS, search
from panel.shapes.search import found


@click.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--kind", type=click.Choice(tuple(KINDS)), help="Only this kind.")
@as_json
@with_panel
def search_(actor: Actor, /, *, words: tuple[str, ...], kind: str | None, json_: bool) -> None:
    """Find members, addresses, people, contracts, nodes and jobs that hold all WORDS: the best 50 of each kind."""
    groups = [found(group) for group in search(actor, " ".join(words), kinds=[kind] if kind else [])]
    if json_:
        print_json({"groups": groups})
        return
    rows = [{"kind": group["kind"], **item} for group in groups for item in group["items"]]
    print_rows(rows, {"kind": "kind", "name": "name", "note": "note", "id": "id"}, json_=False)
    for group in groups:
        if not group["total_exact"]:
            click.echo(f"{group['kind']}: more than {group['total']}", err=True)
