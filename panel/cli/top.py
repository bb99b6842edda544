"""``cis top``: nodes, jobs and failures, live in the terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from panel.cli.output import as_json, print_json
from panel.cli.session import with_panel
from panel.engine import figures
from panel.kernel.access import Actor, require
from panel.kernel.db import db
from panel.ledger.jobs import Job
from panel.ledger.nodes import list_nodes
from panel.shapes import ledger as shapes
from panel.shapes.values import moment

ROWS = 10
SECONDS_LEAST = 0.2


@click.command()
@click.option("--once", is_flag=True, help="Print it once and end, for scripts.")
@click.option(
    "--every", default=1.0, show_default=True, type=click.FloatRange(SECONDS_LEAST, 3600), metavar="SECONDS",
    help="How often to look.",
)  # fmt: skip
@as_json
@with_panel
def top(actor: Actor, /, *, once: bool, every: float, json_: bool) -> None:
    """Show nodes, jobs and failures as they are, and go on until Ctrl-C; with --json, print it once."""
    if json_:
        print_json(snapshot(actor))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    if once or not console.is_terminal:
        console.print(_drawn(snapshot(actor)))
        return
    with Live(_drawn(snapshot(actor)), console=console, screen=True, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(every)
                live.update(_next(actor), refresh=True)
        except KeyboardInterrupt:
            return


def snapshot(actor: Actor) -> dict[str, Any]:
    """What is shown: nodes with their open jobs, counts of jobs and of what is not settled, running and failed jobs."""
    require(actor, "nodes:read", staff=True)
    open_jobs = _open_jobs()
    return {
        "at": moment(figures.now()),
        "jobs": figures.jobs_open() | {"failed_last_day": figures.jobs_failed_last_day()},
        "oldest_queued_at": moment(figures.oldest_queued_at()),
        "unsettled": [
            {"kind": kind, "state": state, "number": number}
            for (kind, state), number in sorted(figures.unsettled().items())
        ],
        "nodes": [shapes.node(node) | {"open_jobs": open_jobs.get(node.id, 0)} for node in list_nodes(actor)],
        "running": _jobs("running"),
        "failures": _jobs("failed"),
    }


def _open_jobs() -> dict[Any, int]:
    counted = select(Job.node_id, func.count()).where(Job.state.in_(("queued", "running"))).group_by(Job.node_id)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def _jobs(state: str) -> list[dict[str, Any]]:
    query = select(Job).where(Job.state == state).order_by(Job.queued_at.desc()).limit(ROWS)
    return [shapes.job(job) for job in db.session.scalars(query)]


def _next(actor: Actor) -> Group | Text:
    """The next picture, from a transaction of its own; a database that is away for a while ends nothing."""
    try:
        db.session.rollback()
        db.session.expire_all()
        return _drawn(snapshot(actor))
    except OperationalError as error:
        return Text(f"The database does not answer: {error.orig}")


def _drawn(shown: Mapping[str, Any]) -> Group:
    jobs = shown["jobs"]
    words = f"{shown['at']}   " + "   ".join(f"{name.replace('_', ' ')}: {number}" for name, number in jobs.items())
    moving = "   ".join(f"{one['kind']} {one['state']}: {one['number']}" for one in shown["unsettled"])
    names = {node["id"]: node["name"] for node in shown["nodes"]}
    return Group(
        Text(words, style="bold"),
        Text(moving or "everything is as wanted"),
        _table("Nodes", ("node", "address", "seen", "open jobs", "busy", "differs", "problem"),
               [_node(node) for node in shown["nodes"]]),
        _table("Running", ("job", "node", "cause", "started", "counts"),
               [_job(job, names) for job in shown["running"]]),
        _table("Failed lately", ("job", "node", "cause", "ended", "counts"),
               [_job(job, names) for job in shown["failures"]]),
    )  # fmt: skip


def _table(title: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(*columns, title=f"{title} ({len(rows)})", title_justify="left", box=None, pad_edge=False,
                  header_style="bold", title_style="bold")  # fmt: skip
    for row in rows:
        table.add_row(*row)
    return table


def _node(node: Mapping[str, Any]) -> tuple[str, ...]:
    differing = (node["drift"] or {}).get("differing")
    problem = f"{node['problem']['code']}: {node['problem']['message']}" if node["problem"] else ""
    return (node["name"], node["address"], node["last_seen_at"] or "never", str(node["open_jobs"]),
            "yes" if node["lease"] else "", "" if differing is None else str(differing), problem)  # fmt: skip


def _job(job: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    counts = ", ".join(f"{name} {number}" for name, number in job["counts"].items() if number)
    moment_ = job["finished_at"] if job["state"] == "failed" else job["started_at"]
    return (job["id"], names.get(job["node_id"], ""), job["cause"], moment_ or "", counts)
