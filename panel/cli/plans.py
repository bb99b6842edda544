"""``cis nodes plan`` and ``cis nodes approve``: what would change on a node, and letting go what waits."""

from __future__ import annotations

import click

from panel.cli.output import as_json, print_json, print_one, print_rows
from panel.cli.references import find_node
from panel.cli.session import with_panel
from panel.engine import approval
from panel.kernel.access import Actor
from panel.shapes import ledger
from panel.shapes import plans as shapes


@click.command()
@click.argument("node")
@as_json
@with_panel
def plan(actor: Actor, /, *, node: str, json_: bool) -> None:
    """Show what would change on NODE: what waits for approval, or else what is due."""
    body = shapes.plan(approval.current_plan(actor, find_node(actor, node).id))
    if json_:
        print_json(body)
        return
    changes = body.pop("changes")
    print_one(body, json_=False)
    columns = {"kind": "kind", "change": "verb", "name": "name", "id": "id"}
    print_rows(changes, columns, json_=False)


@click.command()
@click.argument("node")
@click.argument("digest")
@as_json
@with_panel
def approve(actor: Actor, /, *, node: str, digest: str, json_: bool) -> None:
    """Let the plan of NODE with DIGEST go, as `cis nodes plan` shows it, if that is still what waits."""
    job = approval.approve_plan(actor, find_node(actor, node).id, digest=digest)
    print_one(ledger.job(job), json_=json_)
