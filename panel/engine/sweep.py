"""The sweep: finds what is due although nobody rang, so that a lost ring costs only time."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import select

from panel.engine.kinds import Kind
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, one_at_a_time, unit_of_work
from panel.ledger import jobs
from panel.ledger.jobs import Job

log = logging.getLogger("cis.sweep")


def sweep(kinds: Sequence[Kind]) -> set[uuid.UUID]:
    """Return the nodes that have work due; rows due without an open job get one, so that the record is whole."""
    open_jobs = set(jobs.nodes_with_open_jobs())
    due = {node_id for kind in kinds for node_id in _nodes_with_due_rows(kind)}
    if not due - _nodes_with_jobs():
        return open_jobs
    with unit_of_work() as work:
        one_at_a_time("sweep")
        forgotten = due - _nodes_with_jobs()
        for node_id in forgotten:
            jobs.request_job(work, node_id=node_id, cause="engine:sweep:due", actor=SYSTEM)
    return open_jobs | forgotten


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """What is done every ``seconds``: the ``chores``, then a sweep over ``kinds``."""

    kinds: Sequence[Kind]
    chores: Sequence[Callable[[Actor], object]]
    seconds: int


def run_forever(app: Flask, rounds: Rounds, ring: Callable[[uuid.UUID], None], stop: threading.Event) -> None:
    """Make a round at the start, and then again and again until ``stop`` is set."""
    while True:
        try:
            with app.app_context():
                for chore in rounds.chores:
                    chore(SYSTEM)
                nodes = sweep(rounds.kinds)
            for node_id in nodes:
                ring(node_id)
        except Exception:  # a database that is away for a while must not end the sweep
            log.exception("sweep failed")
        if stop.wait(rounds.seconds):
            return


def _nodes_with_jobs() -> set[uuid.UUID]:
    unfinished = Job.state.in_(("queued", "running", "waiting_approval"))
    return set(db.session.scalars(select(Job.node_id).where(unfinished).distinct()))


def _nodes_with_due_rows(kind: Kind) -> list[uuid.UUID]:
    query = select(kind.model.node_id).where(kind.model.node_id.is_not(None), kind.model.is_due()).distinct()
    return [node_id for node_id in db.session.scalars(query) if node_id is not None]
