"""One look at what pages follow, for all streams of a process: what changed since, told to whoever waits for it.

While anybody listens, a thread asks the database once in POLL_SECONDS for a mark of everything that is followed; with
nobody listening there is no thread. A mark is short for what a row looks like: another mark, another look.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from panel.dns.models import Zone
from panel.kernel.db import db
from panel.ledger.jobs import Job
from panel.ledger.resources import ResourceColumns
from panel.mail.models import Mailbox, MailDomain
from panel.webhooks.models import Delivery

POLL_SECONDS = 0.3
STREAMS_MOST, STREAMS_OF_ONE = 6, 3
"""Streams at a time, of a process and of a person: pages always find the other threads (``panel/gunicorn.py``)."""
IDS_MOST = 200

log = logging.getLogger("cis.live")


def _of_resource(model: type[ResourceColumns]) -> Any:
    return select(
        model.id, model.want, model.wanted_generation, model.sent_generation, model.applied_generation,
        model.seen_generation, model.seen_at, model.problem_code, model.suspended_at,
    )  # fmt: skip


FOLLOWED: Mapping[str, tuple[Any, Any]] = {
    "job": (Job.id, select(Job.id, Job.state, Job.attempts, Job.counts, Job.retry_at, Job.finished_at)),
    "mailbox": (Mailbox.id, _of_resource(Mailbox)),
    "domain": (MailDomain.id, _of_resource(MailDomain)),
    "zone": (Zone.id, _of_resource(Zone)),
    "delivery": (Delivery.id, select(Delivery.id, Delivery.state, Delivery.attempts, Delivery.retry_at)),
}
"""Kind → its id, and what of a row people see change while they wait."""


class Full(Exception):
    """No more streams now: the page goes on by asking."""


class Listener:
    """Somebody who waits for ``ids`` of a kind to look otherwise."""

    def __init__(self, who: uuid.UUID, kind: str, ids: Sequence[uuid.UUID]) -> None:
        self.who, self.kind, self.ids = who, kind, tuple(sorted(set(ids)))
        self._mark = ""
        self._changed = threading.Condition()

    def tell(self, mark: str) -> None:
        """Let it know how things look now."""
        with self._changed:
            if mark != self._mark:
                self._mark = mark
                self._changed.notify_all()

    def wait(self, known: str, seconds: float) -> str:
        """How things look, as soon as that is known and not ``known``; after ``seconds`` as they are, "" if unknown."""
        with self._changed:
            self._changed.wait_for(lambda: self._mark not in ("", known), seconds)
            return self._mark


class Watch:
    """The listeners of this process, and the thread that looks for all of them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._guard = threading.Lock()
        self._listeners: list[Listener] = []
        self._thread: threading.Thread | None = None

    def open(self, who: uuid.UUID, kind: str, ids: Sequence[uuid.UUID]) -> Listener:
        """Listen from now on. Raises Full."""
        listener = Listener(who, kind, ids)
        with self._guard:
            own = sum(one.who == who for one in self._listeners)
            if len(self._listeners) >= STREAMS_MOST or own >= STREAMS_OF_ONE:
                raise Full
            self._listeners.append(listener)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look_on, name="live", daemon=True)
                self._thread.start()
        return listener

    def close(self, listener: Listener) -> None:
        """Listen no more."""
        with self._guard:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def _look_on(self) -> None:
        while listeners := self._still_there():
            try:
                with self.app.app_context():
                    marks = _marks(listeners)
                for listener in listeners:
                    listener.tell(_mark([marks.get((listener.kind, one), "") for one in listener.ids]))
            except SQLAlchemyError as error:  # the database is away; streams go on, and so does this
                log.warning("what pages follow could not be looked at: %s", type(error).__name__)
            time.sleep(POLL_SECONDS)

    def _still_there(self) -> list[Listener]:
        with self._guard:
            if not self._listeners:
                self._thread = None
            return list(self._listeners)


def mark_of(kind: str, ids: Sequence[uuid.UUID]) -> str:
    """How things look now."""
    marks = _marks([Listener(uuid.UUID(int=0), kind, ids)])
    return _mark([marks.get((kind, one), "") for one in sorted(set(ids))])


def _marks(listeners: Sequence[Listener]) -> dict[tuple[str, uuid.UUID], str]:
    """Every followed row as text, by kind and id: one query for each kind."""
    wanted: dict[str, set[uuid.UUID]] = defaultdict(set)
    for listener in listeners:
        wanted[listener.kind].update(listener.ids)
    found: dict[tuple[str, uuid.UUID], str] = {}
    for kind, ids in wanted.items():
        key, query = FOLLOWED[kind]
        for row in db.session.execute(query.where(key.in_(ids))):
            found[kind, row[0]] = repr(tuple(row))
    return found


def _mark(rows: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]
