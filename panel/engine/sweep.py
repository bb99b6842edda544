"""The sweep: finds what is due although nobody rang, so that a lost ring costs only time."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import select

from panel.engine.kinds import Kind
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, one_at_a_time, unit_of_work
from panel.ledger import jobs
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node, lease_is_over

log = logging.getLogger("cis.sweep")

WATCH_SECONDS = 2.0
"""How often leases of dead workers are looked for: takeover comes within this after the lease."""

CHORES_SECONDS = 5.0
BRISK_SECONDS = 3.0
"""How often what people wait for, or what must not stand unproved for long, is done."""


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


def left_by_the_dead() -> list[uuid.UUID]:
    """Nodes whose lease somebody let go by without giving it back: a worker died, and another shall take over."""
    return list(db.session.scalars(select(Node.id).where(Node.lease_owner.is_not(None), lease_is_over())))


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """What is done every ``seconds``: the ``chores``, and a sweep over ``kinds``; ``looks``: nodes with looks due.

    ``brisk``: chores that wait for no node and are done every few seconds; ``outgoing``: the same, but they wait for
    programs elsewhere; ``patient``: the same, but one may take minutes once there is something to do.
    """

    kinds: Sequence[Kind]
    chores: Sequence[Callable[[Actor], object]]
    seconds: float
    brisk: Sequence[Callable[[Actor], object]] = ()
    outgoing: Sequence[Callable[[Actor], object]] = ()
    patient: Sequence[Callable[[Actor], object]] = ()
    looks: Callable[[], set[uuid.UUID]] = set


def run_forever(app: Flask, rounds: Rounds, start: Callable[[uuid.UUID], None], stop: threading.Event) -> None:
    """Make a round at once, and then again and again until ``stop`` is set.

    ``start`` has a worker take a node and does not wait for it. Chores have a thread of their own, so that one that
    waits for a slow node delays no sweep; between the sweeps, what a worker that died left is looked for often.
    """
    threads: list[threading.Thread] = []
    brisk_seconds = min(BRISK_SECONDS, rounds.seconds)
    for name, chores, seconds in (
        ("chores", rounds.chores, rounds.seconds),
        ("brisk", rounds.brisk, brisk_seconds),
        ("outgoing", rounds.outgoing, brisk_seconds),
        ("patient", rounds.patient, brisk_seconds),
    ):
        threads.append(threading.Thread(target=_do_chores, args=(app, chores, seconds, stop), name=name, daemon=True))
        threads[-1].start()
    swept = None
    while not stop.is_set():
        now = time.monotonic()
        whole = swept is None or now - swept >= rounds.seconds
        with _survived("sweep"), app.app_context():
            nodes = sweep(rounds.kinds) | rounds.looks() if whole else set()
            for node_id in nodes.union(left_by_the_dead()):
                start(node_id)
        swept = now if whole else swept
        stop.wait(min(WATCH_SECONDS, rounds.seconds))
    for thread in threads:
        thread.join(CHORES_SECONDS)


def _do_chores(app: Flask, chores: Sequence[Callable[[Actor], object]], seconds: float, stop: threading.Event) -> None:
    while chores and not stop.is_set():
        for chore in chores:
            with _survived(f"chore {getattr(chore, '__name__', chore)}"), app.app_context():
                chore(SYSTEM)
        stop.wait(seconds)


@contextmanager
def _survived(what: str) -> Iterator[None]:
    """A database that is away for a while, or a broken chore, ends neither sweeps nor other chores."""
    try:
        yield
    except Exception:
        log.exception("%s failed", what)


def _nodes_with_jobs() -> set[uuid.UUID]:
    unfinished = Job.state.in_(("queued", "running"))
    return set(db.session.scalars(select(Job.node_id).where(unfinished).distinct()))


def _nodes_with_due_rows(kind: Kind) -> list[uuid.UUID]:
    query = select(kind.model.node_id).where(kind.model.node_id.is_not(None), kind.model.is_due()).distinct()
    return [node_id for node_id in db.session.scalars(query) if node_id is not None]
