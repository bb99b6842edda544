"""Showing at a terminal that something is waited for, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from panel.ledger.waiting import wait_until

LOOK_SECONDS = 0.25


def wait_shown(
    settled: Callable[[], bool],
    seconds: float,
    *,
    say: str,
    total: int | None = None,
    done: Callable[[], int] | None = None,
    console: Console | None = None,
) -> bool:
    """Wait as ``wait_until`` does, and show on standard error, where that is a terminal, how many are ``done``."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        return wait_until(settled, seconds)
    counts = () if total is None else (BarColumn(), MofNCompleteColumn())
    columns = (SpinnerColumn(), TextColumn("{task.description}"), *counts, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(say, total=total)
        looked = 0.0

        def looked_at() -> bool:
            nonlocal looked
            if done is not None and time.monotonic() - looked >= LOOK_SECONDS:
                progress.update(task, completed=done())
                looked = time.monotonic()
            return settled()

        return wait_until(looked_at, seconds)
