"""Looking ahead: while what was seen of one portion is recorded, the next is looked at beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType

from flask import current_app
from flask.ctx import AppContext

from panel.engine.kinds import Look, Wanted
from provisioning.probes.findings import Finding

Findings = Mapping[tuple[str, str], Finding]


@dataclass(frozen=True, slots=True)
class Ahead:
    """A look under way at ``rows``."""

    rows: Sequence[Wanted]
    _found: Future[Findings]

    def findings(self) -> Findings:
        """Wait for the look; return what it found, or raise what it died of."""
        return self._found.result()


@dataclass
class LookingAhead(AbstractContextManager["LookingAhead"]):
    """One look at a time, in a thread of its own; leaving waits for it, since lookers are for one thread at a time."""

    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="look"))

    def begin(self, look: Look, rows: Sequence[Wanted]) -> Ahead:
        """Look at ``rows``, after what was begun before; return at once."""
        return Ahead(rows, self._pool.submit(_see, current_app.app_context(), look, rows))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for the look that is under way; forget what has not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _see(context: AppContext, look: Look, rows: Sequence[Wanted]) -> Findings:
    with context:
        return look.see(rows)
