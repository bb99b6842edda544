"""The worker: woken by a ring or by the sweep, it takes a node's lease and does the node's whole backlog."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from panel.engine.claims import Claims
from panel.engine.heartbeat import Heartbeat
from panel.engine.points import reach
from panel.engine.reconcile import Reconciler
from panel.engine.tasks import Task
from panel.engine.turn import Turn
from panel.engine.verify import Verifier
from panel.kernel.db import db
from panel.ledger import jobs
from panel.ledger.closings import closed
from panel.ledger.nodes import Lease, Node, release_lease, take_lease

log = logging.getLogger("cis.worker")

HELD_SECONDS = 1.0
THREADS = 8


class Worker:
    """Runs nodes, each in one thread of this process at a time; other processes are kept out by the lease.

    ``threads`` nodes at most are worked on beside each other: a slow one delays no other.
    """

    def __init__(
        self,
        app: Flask,
        reconciler: Reconciler,
        *,
        lease_seconds: int,
        tasks: Mapping[str, Task] | None = None,
        verifier: Verifier | None = None,
        threads: int = THREADS,
    ) -> None:
        self._app = app
        self._tasks = {} if tasks is None else tasks
        self._reconciler = reconciler
        self._verifier = verifier
        self._lease_seconds = lease_seconds
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._guard = threading.Lock()
        self._rung: set[uuid.UUID] = set()
        self._running: set[uuid.UUID] = set()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="node")

    def ring(self, node_id: uuid.UUID) -> None:
        """Do the node's backlog, unless another thread is at it; that one then looks once more."""
        if self._admit(node_id):
            self._answer(node_id)

    def start(self, node_id: uuid.UUID) -> None:
        """The same in a thread of its own, without waiting for it."""
        if self._admit(node_id):
            try:
                self._pool.submit(self._answer, node_id)
            except RuntimeError:  # the process is about to end; whoever comes next finds the jobs
                with self._guard:
                    self._running.discard(node_id)

    def nodes_to_look_at(self) -> set[uuid.UUID]:
        """Nodes whose active resources have a look due."""
        return set() if self._verifier is None else self._verifier.nodes_due()

    def close(self) -> None:
        """Take no more rings, and wait for what is being done."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _admit(self, node_id: uuid.UUID) -> bool:
        with self._guard:
            self._rung.add(node_id)
            if node_id in self._running:
                return False
            self._running.add(node_id)
            return True

    def _answer(self, node_id: uuid.UUID) -> None:
        while self._take_ring(node_id):
            with self._app.app_context():
                self._run_guarded(node_id)

    def _take_ring(self, node_id: uuid.UUID) -> bool:
        with self._guard:
            if node_id in self._rung:
                self._rung.discard(node_id)
                return True
            self._running.discard(node_id)
            return False

    def _run_guarded(self, node_id: uuid.UUID) -> None:
        try:
            self._run(node_id)
        except Exception:  # the one broad one: whatever a run dies of, the worker lives and the jobs stay open
            log.exception("run of node %s failed", node_id)

    def _run(self, node_id: uuid.UUID) -> None:
        closing = closed(node_id)
        if closing is not None:
            log.warning("node %s is closed (%s): nothing is sent to it", node_id, closing.reason)
            return
        lease = take_lease(node_id, owner=self._owner, seconds=self._lease_seconds)
        if lease is None:
            self._ring_later(node_id)
            return
        try:
            with Heartbeat(self._app, lease, seconds=self._lease_seconds):
                self._work(node_id, lease)
        finally:
            db.session.rollback()  # whatever broke off must not keep the lease from being given back
            release_lease(lease)

    def _work(self, node_id: uuid.UUID, lease: Lease) -> None:
        claims = Claims(node_id, self._tasks)
        claims.take()
        reach("claimed")
        node = db.session.get(Node, node_id, populate_existing=True)
        if node is not None:
            Turn(self._reconciler, self._tasks, self._verifier, node, lease, claims).work()

    def _ring_later(self, node_id: uuid.UUID) -> None:
        """Look again soon: the lease's holder may have looked for the last time before this job was there."""
        if jobs.has_open_jobs(node_id):
            timer = threading.Timer(HELD_SECONDS, self.ring, args=(node_id,))
            timer.daemon = True
            timer.start()
