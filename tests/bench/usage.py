"""What reading the use of 100,000 mailboxes costs: the node in a minute, the panel for what it is told, and lists."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from sqlalchemy import insert

from panel.engine.use import AGENT_SECONDS, EVERY_SECONDS
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.listing import paginate
from panel.ledger.resources import complete_row
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox
from panel.mail.use import keep_use, use_of
from panel.shapes import orders
from provisioning.agent.adapters import mail_rows, mail_use
from provisioning.agent.store import Store
from tests.bench.figures import Figure
from tests.worlds import SHARED, small_world

COUNT, ON_DISK, TOLD = 100_000, 5_000, 5_000
CPU_SECONDS_MAX, KEEP_SECONDS_MAX, LIST_SECONDS_MAX = 1.0, 2.0, 0.05
_ASKS_A_MINUTE = 60 // EVERY_SECONDS
_LONG_AGO = 1_700_000_000


def usage(*, n: int = 20) -> list[Figure]:
    """Measure both ends."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_node(Path(folder), n), *_panel(Path(folder), n)]


def _node(folder: Path, n: int) -> list[Figure]:
    """The agent's own part, over ON_DISK mailboxes of which none changed: the rest of its time it asks Dovecot."""
    store = Store(folder / "mail.sqlite", schema=[mail_rows.SCHEMA, mail_use.SCHEMA], create=True)
    ids = [str(uuid.uuid4()) for _ in range(ON_DISK)]
    rows = [(id_, 1, f"m{place}@x.test", "open", None, 100, "x.test") for place, id_ in enumerate(ids)]
    store.connection.executemany("INSERT INTO mailbox VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    for id_ in ids:
        for part in ("cur", "new"):
            path = folder / id_[:2] / id_ / "Maildir" / part
            path.mkdir(parents=True)
            os.utime(path, (_LONG_AGO, _LONG_AGO))
    use = mail_use.MailboxUse(store, folder, _held)
    use.look(seconds=600, every=0)

    def minute() -> None:
        for _ in range(_ASKS_A_MINUTE):
            use.look(seconds=AGENT_SECONDS, every=0)

    begun = time.process_time()
    use.look(seconds=600, every=0)
    each = (time.process_time() - begun) / ON_DISK
    cpu = tuple(_taken(minute, time.process_time) for _ in range(n))
    return [Figure("use: CPU of the agent in a minute", cpu, CPU_SECONDS_MAX, note=f"{each * 1e6:.0f} µs a mailbox")]


def _held(addresses: Collection[str]) -> dict[str, int]:
    return dict.fromkeys(addresses, 1)


def _panel(folder: Path, n: int) -> list[Figure]:
    with small_world(folder / "panel") as world:
        boxes = [
            Mailbox(member_id=world.koscian.id, domain_id=world.domain.id, node_id=world.node.id,
                    address=f"m{place}@{SHARED}", quota_mb=1000, held_mb=place % 700)
            for place in range(COUNT)
        ]  # fmt: skip
        with unit_of_work():
            db.session.execute(insert(Mailbox), [complete_row(box) for box in boxes])
        some, member = [box.id for box in boxes[:: COUNT // TOLD]], world.koscian.id
        node_id = world.node.id
        kept = [_taken(partial(keep_use, SYSTEM, node_id, dict.fromkeys(some, kib * 2000))) for kib in range(5)]
        lists = [_taken(lambda: _page("-used_mb")) for _ in range(n)]
        sums = [_taken(lambda: use_of(member)) for _ in range(n)]
    return [
        Figure(f"use: {TOLD:,} mailboxes kept of {COUNT:,}", tuple(kept), KEEP_SECONDS_MAX),
        Figure(f"use: a page of {COUNT:,}, fullest first", tuple(lists), LIST_SECONDS_MAX),
        Figure(f"use: sum of a member's {COUNT:,}", tuple(sums), LIST_SECONDS_MAX),
    ]


def _page(sort: str) -> None:
    db.session.expunge_all()
    paginate(mailboxes_query(SYSTEM), sorts=orders.MAILBOXES, default=sort)


def _taken(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    call()
    return clock() - begun
