"""Jobs that are one task under the node's lease instead of the node's backlog: a look for drift, a backup, a restore.

``wiring.TASKS`` says which causes are tasks. A task can be begun again from its beginning: the worker that ran it may
have died, and the next one does not know how far it came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from panel.engine.exchange import Exchange
from panel.engine.report import Report
from panel.ledger.jobs import Job
from panel.ledger.nodes import Lease, Node


class TaskFailed(Exception):
    """The task cannot be done: its job ends as *failed* with ``code`` in its log. ``params``: figures, no secrets."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, kw_only=True)
class TaskRun:
    """One task at work: whose node, under which lease, asked for by which job (``job.params``), told to whom."""

    node: Node
    lease: Lease
    exchange: Exchange
    job: Job
    report: Report


Task = Callable[[TaskRun], None]
"""Does the task. Raises TaskFailed to end it; what ``Exchange`` raises postpones it as it does a run."""
