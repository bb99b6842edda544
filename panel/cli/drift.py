"""``cis drift``: what nodes have otherwise than wanted, and what shall become of it."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time

import click

from panel.cli.exit_codes import DIFFERS, FAILED, NOT_YET
from panel.cli.output import as_json, print_one, print_rows
from panel.cli.progress import wait_shown
from panel.cli.references import find_member, find_node, require_id
from panel.cli.session import with_panel
from panel.cli.values import Day
from panel.engine import drift as actions
from panel.engine import repair as repairs
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.ledger.differences import Difference
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node, list_nodes
from panel.ledger.waiting import jobs_finished
from panel.shapes import drift as shapes
from panel.shapes import ledger

CHECK_SECONDS = 120.0


class Drift(click.Group):
    """A group whose first word may be a node instead of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show what differs where no command is named."""
        named = args and (args[0] in self.commands or args[0] in ("-h", "--help"))
        return super().parse_args(ctx, args if named else ["show", *args])


@click.group(cls=Drift)
def drift() -> None:
    """What nodes have otherwise than wanted: `cis drift [NODE] [--check]` shows it, exit code 9 where something is."""


@drift.command()
@click.argument("node", required=False)
@click.option("--check", is_flag=True, help=f"Look now, and wait up to {CHECK_SECONDS:.0f} seconds for it.")
@as_json
@with_panel
def show(actor: Actor, /, *, node: str | None, check: bool, json_: bool) -> None:
    """Show what NODE, or any node, has otherwise. Exit code 0: nothing, 9: something, 1: a node was not looked at."""
    nodes = list_nodes(actor) if node is None else [find_node(actor, node)]
    looked = not check or _check(actor, nodes)
    names = {one.id: one.name for one in nodes}
    query = actions.differences_query(actor, node_id=None if node is None else nodes[0].id)
    found = db.session.scalars(query.order_by(Difference.node_id, Difference.kind, Difference.name)).all()
    rows = [shapes.difference(one) | {"node": names.get(one.node_id, "")} for one in found]
    columns = {"node": "node", "kind": "kind", "name": "name", "what": "what", "fields": "differs", "id": "id"}
    print_rows(rows, columns, json_=json_)
    for one in nodes:
        if one.drift_checked_at is None and not check:
            click.echo(f"{one.name} was never looked at: --check", err=True)
    if not looked:
        sys.exit(FAILED)
    if rows:
        sys.exit(DIFFERS)


@drift.command()
@click.argument("difference")
@click.option("--reason", required=True, help="Why it may stay.")
@click.option("--until", required=True, type=Day(), help="The day on which it comes back.")
@as_json
@with_panel
def keep(actor: Actor, /, *, difference: str, reason: str, until: date, json_: bool) -> None:
    """Leave DIFFERENCE as it is, until a day or until the node shows something else."""
    end = datetime.combine(until, time(), UTC)
    kept = actions.keep(actor, require_id(difference), reason=reason, until=end)
    print_one(shapes.difference(kept), json_=json_)


@drift.command()
@click.argument("difference")
@click.option("--member", metavar="MEMBER", help="Whose it shall be, where only the node knew it.")
@as_json
@with_panel
def adopt(actor: Actor, /, *, difference: str, member: str | None, json_: bool) -> None:
    """Make what was found what is wanted, by the ordinary action of its kind."""
    member_id = None if member is None else find_member(actor, member).id
    adopted = actions.adopt(actor, require_id(difference), member_id=member_id)
    print_one(shapes.difference(adopted), json_=json_)


@drift.command()
@click.argument("difference")
@as_json
@with_panel
def overwrite(actor: Actor, /, *, difference: str, json_: bool) -> None:
    """Have the node get what is wanted again; what only the node has goes, its data kept."""
    print_one(ledger.job(repairs.overwrite(actor, require_id(difference))), json_=json_)


@drift.command()
@click.argument("node")
@as_json
@with_panel
def plan(actor: Actor, /, *, node: str, json_: bool) -> None:
    """Show what overwriting every open difference of NODE would do, with the digest to approve."""
    print_one(shapes.repair_plan(repairs.repair_plan(actor, find_node(actor, node).id)), json_=json_)


@drift.command()
@click.argument("node")
@click.option("--digest", required=True, help="As `cis drift plan` shows it.")
@as_json
@with_panel
def repair(actor: Actor, /, *, node: str, digest: str, json_: bool) -> None:
    """Overwrite every open difference of NODE, if that is still what the plan with this digest shows."""
    print_one(ledger.job(repairs.approve_repair(actor, find_node(actor, node).id, digest=digest)), json_=json_)


def _check(actor: Actor, nodes: list[Node]) -> bool:
    """Look at the nodes now; tell whether every one was looked at."""
    jobs = {node.name: actions.request_check(actor, node.id).id for node in nodes}
    if not wait_shown(jobs_finished(list(jobs.values())), CHECK_SECONDS, say="Looking"):
        click.echo(f"not done after {CHECK_SECONDS:.0f} s: does a worker run?", err=True)
        sys.exit(NOT_YET)
    failed = [name for name, id_ in jobs.items() if _state(id_) != "done"]
    for name in failed:
        click.echo(f"{name} could not be looked at: cis jobs show {jobs[name]}", err=True)
    return not failed


def _state(job_id: object) -> str:
    return db.session.get_one(Job, job_id, populate_existing=True).state
