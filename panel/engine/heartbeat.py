"""Keeping a lease while the work goes on: a batch may take longer than the lease lasts."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from panel.ledger.nodes import Lease, renew_lease

log = logging.getLogger("cis.heartbeat")


class Heartbeat:
    """Renews ``lease`` three times in each span of ``seconds``, from a thread of its own, until the block ends.

    When the lease is lost it stops: the node refuses the older fence, and the run's own renewal tells the run.
    """

    def __init__(self, app: Flask, lease: Lease, *, seconds: int) -> None:
        self._app = app
        self._lease = lease
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._seconds / 3):
            with self._app.app_context():
                try:
                    if not renew_lease(self._lease, seconds=self._seconds):
                        return
                except SQLAlchemyError:
                    log.exception("lease of node %s not renewed", self._lease.node_id)
