"""Yesterday's database: kept at some time, put back later, and brought up to its nodes as after any restore."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import Settings
from panel.backups.finishing import RESTORED, finish
from panel.engine.comparing import Ask
from panel.engine.drift import request_check
from panel.engine.repair import approve_repair, repair_plan
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kinds import KINDS
from panel.ledger.closings import close
from panel.ledger.nodes import Node
from panel.wiring import make_exchange
from tests.faults.installation import Installation
from tests.faults.wanted import Box


@dataclass(frozen=True)
class Yesterday:
    """A copy of the database and what was wanted when it was made."""

    path: Path
    boxes: list[Box]


def keep(panel: Installation, boxes: list[Box]) -> Yesterday:
    """Copy the database while everybody works on it, as a backup does."""
    path = panel.folder / "yesterday.sqlite"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(_database(panel))) as now, closing(sqlite3.connect(path)) as copy:
        now.backup(copy)
    return Yesterday(path, deepcopy(boxes))


def put_back(panel: Installation, yesterday: Yesterday) -> None:
    """Have yesterday's database again, with all workers gone and the engine closed, and then finish the restore."""
    for worker in panel.workers:
        worker.kill()
    db.session.remove()
    db.engine.dispose()
    database = _database(panel)
    for end in ("", "-wal", "-shm"):
        database.with_name(database.name + end).unlink(missing_ok=True)
    database.write_bytes(yesterday.path.read_bytes())
    with unit_of_work():
        close(RESTORED)
    exchange = make_exchange(Settings.from_environment(panel.environment))
    try:
        (done,) = finish(SYSTEM, KINDS, lambda node: _asker(exchange, node))
    finally:
        exchange.sessions.close()
    assert done.problem is None
    assert done.fence[1] >= panel.host.fence()


def overwrite_what_differs(panel: Installation) -> int:
    """Look for drift, and have the node get all that is wanted and lose all that is not; return how much differed."""
    request_check(SYSTEM, panel.node_id)
    panel.settle(always_a_worker=True)
    plan = repair_plan(SYSTEM, panel.node_id)
    if plan.total:
        approve_repair(SYSTEM, panel.node_id, digest=plan.digest)
        panel.settle(always_a_worker=True)
    return plan.total


def _database(panel: Installation) -> Path:
    return panel.folder / "panel.sqlite"


def _asker(exchange: Any, node: Node) -> Ask:
    def ask(op: str, **fields: Any) -> dict[str, Any]:
        reply: dict[str, Any] = exchange.ask(node, op, **fields)
        return reply

    return ask
