"""Waiting until nodes are done with what was asked of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence

from sqlalchemy import func, select

from panel.kernel.db import db
from panel.ledger.jobs import Job
from panel.ledger.resources import ResourceColumns

UNSETTLED = ("pending", "applying", "removing")
_EAGER_SECONDS, _EAGER_PAUSE, _PAUSE = 1.0, 0.006, 0.05


def wait_until(settled: Callable[[], bool], seconds: float) -> bool:
    """Look until ``settled`` or ``seconds`` are over, often in the first second; tell whether it was."""
    begun = time.monotonic()
    # The caller's own transaction would show its own beginning for ever, and keep the database's log from being cut.
    db.session.commit()
    while not settled():
        waited = time.monotonic() - begun
        if waited >= seconds:
            return False
        time.sleep(_EAGER_PAUSE if waited < _EAGER_SECONDS else _PAUSE)
    return True


def resource_settled(model: type[ResourceColumns], resource_id: uuid.UUID) -> Callable[[], bool]:
    """Whether the node is done with a resource, looked up in a transaction of its own each time."""
    query = select(model.state).where(model.id == resource_id)

    def settled() -> bool:
        with db.engine.connect() as connection:
            return connection.scalar(query) not in UNSETTLED

    return settled


def jobs_finished(job_ids: Sequence[uuid.UUID]) -> Callable[[], bool]:
    """Whether all of some jobs have ended."""
    query = select(Job.id).where(Job.id.in_(job_ids), Job.state.in_(("queued", "running"))).limit(1)

    def settled() -> bool:
        with db.engine.connect() as connection:
            return connection.scalar(query) is None

    return settled


def settled_of(model: type[ResourceColumns], ids: Sequence[uuid.UUID]) -> int:
    """How many of some resources the nodes are done with, looked up in a transaction of its own."""
    done = 0
    with db.engine.connect() as connection:
        for start in range(0, len(ids), 500):
            some = model.id.in_(ids[start : start + 500])
            found = select(func.count()).select_from(model).where(some, model.state.not_in(UNSETTLED))
            done += connection.scalar(found) or 0
    return done
