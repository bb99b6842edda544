"""A panel with a node in memory that can be edited behind its back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from panel.engine.drift import differences_query, request_check
from panel.engine.sweep import sweep
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kinds import KINDS
from panel.ledger.differences import Difference
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.mail.actions import create_mailbox
from panel.mail.models import Mailbox
from panel.wiring import TASKS
from tests.drift.nodes import KeepingAgent
from tests.engine.workers import Engine
from tests.worlds import SHARED, World, small_world

PASSWORD = "kolorowy parasol nad rzeką"


@dataclass
class Drifting:
    """A panel with one node that serves what it was asked to."""

    world: World
    agent: KeepingAgent
    engine: Engine

    @property
    def node_id(self) -> uuid.UUID:
        return self.world.node.id

    def box(self, name: str, **fields: object) -> Mailbox:
        """A mailbox that is served."""
        changed = create_mailbox(SYSTEM, member_id=self.world.koscian.id, address=f"{name}@{SHARED}", **fields)  # type: ignore[arg-type]  # a test's own fields
        self.engine.ring()
        return self.fresh(changed.mailbox)

    def check(self) -> list[Difference]:
        """Look at the node; return what is open."""
        request_check(SYSTEM, self.node_id)
        self.engine.ring()
        return self.open()

    def open(self, state: str | None = "open") -> list[Difference]:
        """The node's differences as they are now."""
        query = differences_query(SYSTEM, node_id=self.node_id, state=state).order_by(Difference.id)
        return list(db.session.scalars(query.execution_options(populate_existing=True)))

    def sweep(self) -> None:
        """Find what is due, as a worker does now and then, and do it."""
        sweep(KINDS)
        self.engine.ring()

    def only(self) -> Difference:
        """The one difference that a look finds."""
        (difference,) = self.check()
        return difference

    def fresh(self, box: Mailbox) -> Mailbox:
        """The mailbox as it is now: SQLite shows a transaction what was there when it began."""
        db.session.commit()
        return db.session.get_one(Mailbox, box.id, populate_existing=True)

    def node(self) -> Node:
        return db.session.get_one(Node, self.node_id, populate_existing=True)

    def job(self, cause: str) -> Job:
        """The newest job of a cause."""
        query = select(Job).where(Job.cause == cause).order_by(Job.id.desc()).limit(1)
        return db.session.scalars(query.execution_options(populate_existing=True)).one()


@contextmanager
def drifting_world(folder: Path, *, database_url: str) -> Iterator[Drifting]:
    """A panel, its worker and its node, all that was asked for being there."""
    with small_world(folder, database_url=database_url) as world:
        agent = KeepingAgent()
        engine = Engine(world, agent)
        engine.tasks.update(TASKS)
        engine.ring()
        yield Drifting(world, agent, engine)
