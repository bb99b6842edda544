"""What the record costs: events written, chained and verified, and a notice expanded for many people."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from panel.identity.actions import create_user, ensure_roles
from panel.kernel.access import SYSTEM
from panel.kernel.db import unit_of_work
from panel.ledger.chain import chainer
from panel.ledger.events import record_many
from panel.ledger.notices import tell_holders
from panel.ledger.verifying import verify_chain
from panel.notices.expanding import expand_notices
from tests.bench.figures import Figure
from tests.worlds import World, small_world

EVENTS, PEOPLE, TIMES = 10_000, 300, 5


def records() -> list[Figure]:
    """Measure on SQLite, in this process."""
    with tempfile.TemporaryDirectory() as folder, small_world(Path(folder)) as world:
        chain = chainer()
        chain(SYSTEM)
        written, chained, verified = [], [], []
        for _ in range(TIMES):
            written.append(_seconds(lambda: _write(world)))
            chained.append(_seconds(lambda: chain(SYSTEM)))
        verified.append(_seconds(lambda: verify_chain(SYSTEM)) / TIMES)
        return [
            Figure(f"{EVENTS:,} events written", tuple(written)),
            Figure(f"{EVENTS:,} events chained", tuple(chained), median_max=1.0),
            Figure(f"{EVENTS:,} events verified", tuple(verified), note=f"{EVENTS * TIMES:,} in one go"),
            Figure(f"a notice expanded for {PEOPLE} people", (_expand(world),), median_max=1.0),
        ]


def _write(world: World) -> None:
    row = {"tag": "mail:mailbox:create", "kind": "mailbox", "resource_id": world.domain.id}
    with unit_of_work():
        record_many(SYSTEM, [row | {"name": f"n{n}@info.wokiss.pl", "data": {"quota_mb": n}} for n in range(EVENTS)])


def _expand(world: World) -> float:
    ensure_roles()
    for n in range(PEOPLE):
        create_user(
            SYSTEM,
            email=f"n{n}@gmina.example",
            name=f"n{n}",
            password_hash="x",
            role="member_admin",
            member_id=world.koscian.id,
        )
    settings = replace(world.app.config["CIS"], notice_smtp="smtp://mail.example")
    with unit_of_work():
        tell_holders("notices:test", "mail:write", world.koscian.id)
    return _seconds(lambda: expand_notices(SYSTEM, settings))


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
