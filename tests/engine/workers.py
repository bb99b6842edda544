"""A worker of the panel's own on a node in memory."""

from __future__ import annotations

from panel.engine.exchange import Exchange
from panel.engine.kinds import Looker
from panel.engine.reconcile import Reconciler
from panel.engine.records import Pace
from panel.engine.tasks import Task
from panel.engine.verify import Verifier
from panel.engine.worker import Worker
from panel.kinds import KINDS
from tests.engine.fakes import FakeAgent, FakeLooker
from tests.worlds import World


class Engine:
    """One worker on a fake node, its own or the one in ``agent``."""

    def __init__(self, world: World, agent: FakeAgent | None = None) -> None:
        self.agent = agent or FakeAgent()
        self.looker = FakeLooker()
        self._looking: Looker = self.looker
        self.tasks: dict[str, Task] = {}
        self.node_id = world.node.id
        self.exchange = Exchange(sessions=self.agent)  # type: ignore[arg-type]  # the fake speaks the same protocol
        pace = Pace(look_seconds=6 * 3600, lease_seconds=30)
        reconciler = Reconciler(
            kinds=KINDS,
            exchange=self.exchange,
            looker_for=lambda _node: self._looking,
            batch_size=50,
            pace=pace,
        )
        self.verifier = Verifier(
            kinds=KINDS,
            exchange=self.exchange,
            looker_for=lambda _node: self._looking,
            pace=pace,
            per_round=500,
            round_seconds=30,
        )
        self._app, self._reconciler = world.app, reconciler
        self.forget()

    def look_with(self, looker: Looker) -> None:
        """Look with another looker than the one that sees all."""
        self._looking = looker

    def forget(self) -> None:
        """Begin with a new worker, as after a kill."""
        self.worker = Worker(self._app, self._reconciler, lease_seconds=30, tasks=self.tasks, verifier=self.verifier)

    def ring(self) -> None:
        self.worker.ring(self.node_id)
