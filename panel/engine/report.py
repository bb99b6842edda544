"""What a run or a task tells while it works: lines to read, counts, and what did not go well."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from panel.kernel.db import db, utcnow
from panel.ledger import jobs


@dataclass
class Report:
    """Counts by outcome, ids of resources that did not go well, and lines.

    ``job_ids``: the running jobs that show these counts and lines while the work goes on. ``stopped``: what kept the
    work from its end, empty where nothing did.
    """

    job_ids: Sequence[uuid.UUID] = ()
    counts: Counter[str] = field(default_factory=Counter)
    failed: set[uuid.UUID] = field(default_factory=set)
    log: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""
    answered: bool = False

    def say(self, text: str, **data: Any) -> None:
        """Add a line and show it. ``text`` is a stable English sentence, ``data`` its figures; no secrets."""
        self.log.append(line(text, **data))
        self.show()

    def show(self) -> None:
        """Write what was told so far into the running jobs; inside a unit of work it waits for the next time."""
        if self.job_ids and "work" not in db.session().info:
            jobs.show_progress(self.job_ids, counts=dict(self.counts), log=self.log)


def line(text: str, **data: Any) -> dict[str, Any]:
    """One line of a job's log, as of now."""
    return {"at": utcnow().isoformat(timespec="milliseconds"), "text": text, **data}
