"""``cis jobs``: what was asked of nodes."""

from __future__ import annotations

from typing import Any

import click

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import Row, as_json, print_one
from panel.cli.references import find_node, require_id
from panel.cli.session import with_panel
from panel.kernel.access import Actor
from panel.ledger import jobs as ledger
from panel.shapes import ledger as shapes
from panel.shapes import orders


@click.group()
def jobs() -> None:
    """What was asked of nodes, and how it went."""


@jobs.command("list")
@click.option("--state", type=click.Choice(ledger.STATES))
@click.option("--node", metavar="NODE")
@listed
@with_panel
def list_(actor: Actor, /, *, state: str | None, node: str | None, **page: Any) -> None:
    """List jobs, newest first."""
    query = ledger.jobs_query(actor, state=state, node_id=None if node is None else find_node(actor, node).id)
    columns: Columns = {
        "id": "id",
        "state": "state",
        "cause": "cause",
        "queued": "queued_at",
        "finished": "finished_at",
        "counts": _counts,
    }
    print_list(query, shapes.job, columns, orders=orders.JOBS, default="-queued_at", page=page)


@jobs.command()
@click.argument("job")
@as_json
@with_panel
def show(actor: Actor, /, *, job: str, json_: bool) -> None:
    """Show JOB with its log."""
    print_one(shapes.job(ledger.get_job(actor, require_id(job))), json_=json_)


@jobs.command()
@click.argument("job")
@as_json
@with_panel
def retry(actor: Actor, /, *, job: str, json_: bool) -> None:
    """Ask again for what JOB asked for, if it failed."""
    print_one(shapes.job(ledger.retry_job(actor, require_id(job))), json_=json_)


@jobs.command()
@click.argument("job")
@as_json
@with_panel
def cancel(actor: Actor, /, *, job: str, json_: bool) -> None:
    """Withdraw JOB, if it did not start."""
    print_one(shapes.job(ledger.cancel_job(actor, require_id(job))), json_=json_)


def _counts(row: Row) -> str:
    return ", ".join(f"{amount} {name}" for name, amount in row["counts"].items() if amount)
