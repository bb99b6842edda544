"""``cis nodes``: hosts that serve, and how they come to it."""

from __future__ import annotations

import click

from panel.cli.attendance import attend
from panel.cli.enrolment import enroll, key, record
from panel.cli.name_servers import known_, name_servers
from panel.cli.node_backups import backup, backup_place, backup_setup, backups, restore_mail_store
from panel.cli.output import as_json, print_one, print_rows
from panel.cli.plans import approve, plan
from panel.cli.rebuild import rebuild
from panel.cli.references import find_node
from panel.cli.session import with_panel
from panel.cli.upgrade import names_, rollback_agent, upgrade
from panel.kernel.access import Actor
from panel.ledger.nodes import list_nodes
from panel.shapes import ledger as shapes


@click.group()
def nodes() -> None:
    """Hosts that serve what members have."""


@nodes.command("list")
@as_json
@with_panel
def list_(actor: Actor, /, *, json_: bool) -> None:
    """List all nodes."""
    rows = [shapes.node(node) for node in list_nodes(actor)]
    columns = {
        "name": "name",
        "roles": "roles",
        "address": "address",
        "agent": "agent_version",
        "last seen": "last_seen_at",
        "problem": "problem",
    }
    print_rows(rows, columns, json_=json_)


@nodes.command()
@click.argument("node")
@as_json
@with_panel
def show(actor: Actor, /, *, node: str, json_: bool) -> None:
    """Show NODE (name or id)."""
    print_one(shapes.node(find_node(actor, node)), json_=json_)


nodes.add_command(enroll)
nodes.add_command(key)
nodes.add_command(record)
nodes.add_command(name_servers)
nodes.add_command(known_)
nodes.add_command(plan)
nodes.add_command(approve)
nodes.add_command(attend)
nodes.add_command(names_)
nodes.add_command(rollback_agent)
nodes.add_command(upgrade)
for command in (backup, backup_place, backup_setup, backups, restore_mail_store):
    nodes.add_command(command)
nodes.add_command(rebuild)
