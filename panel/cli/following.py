"""After a change: printing it, and waiting for it where that is wished."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from panel.cli.exit_codes import FAILED, NOT_YET
from panel.cli.output import print_one
from panel.cli.progress import wait_shown
from panel.ledger.waiting import UNSETTLED

WAIT_SECONDS = 60

waits = click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    is_flag=False,
    flag_value=WAIT_SECONDS,
    default=0,
    metavar="[SECONDS]",
    help=f"Wait until it was seen working, {WAIT_SECONDS} seconds if not said.",
)


def follow(shape: Callable[[], Mapping[str, Any]], settled: Callable[[], bool], *, wait: float, json_: bool) -> None:
    """Print ``shape`` as it is after at most ``wait`` seconds. Exits with 1 where it failed, 8 where it is not done."""
    if wait:
        wait_shown(settled, wait, say="Waiting until it was seen working")
    row = shape()
    print_one(row, json_=json_)
    if row["state"] in ("failed", "drifted"):
        problem = row["problem"] or {}
        click.echo(f"{problem.get('code')}: {problem.get('message')}", err=True)
        sys.exit(FAILED)
    if wait and row["state"] in UNSETTLED:
        click.echo(f"not done after {wait:g} s", err=True)
        sys.exit(NOT_YET)
