"""What the record costs: events written, chained and verified, and notices expanded for many people and members."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from panel.contracts.entitlements import database_today
from panel.contracts.models import Contract
from panel.contracts.stepping import carry_out_steps
from panel.contracts.steps import SUSPENSION, ContractStep
from panel.identity.actions import create_user, ensure_roles
from panel.identity.models import Grant, Role, User
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id, unit_of_work
from panel.ledger.chain import chainer
from panel.ledger.events import record_many
from panel.ledger.notices import tell_holders
from panel.ledger.verifying import verify_chain
from panel.members.models import Member
from panel.notices.expanding import AT_ONCE, expand_notices
from tests.bench.figures import Figure
from tests.worlds import World, small_world

EVENTS, PEOPLE, TIMES, MEMBERS = 10_000, 300, 5, 1_250


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
            *_announce(world),
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


def _announce(world: World) -> list[Figure]:
    """Steps of so many members' contracts, announced in one moment, each member with one person."""
    _members_with_steps()
    settings = replace(world.app.config["CIS"], notice_smtp="smtp://mail.example")
    announced = _seconds(lambda: carry_out_steps(SYSTEM))
    expanded = _seconds(lambda: [None for _ in range(1 + MEMBERS // AT_ONCE) if expand_notices(SYSTEM, settings)])
    return [
        Figure(f"steps announced to {MEMBERS:,} members", (announced,), median_max=2.0),
        Figure(f"notices expanded for {MEMBERS:,} members", (expanded,), median_max=2.0),
    ]


def _members_with_steps() -> None:
    today = database_today()
    members = [Member(id=new_id(), name=f"g{n}", kind="municipality", slug=f"g{n}") for n in range(MEMBERS)]
    role = db.session.scalars(select(Role).where(Role.name == "member_admin")).one()
    with unit_of_work():
        db.session.add_all(members)
        db.session.flush()
        for n, member in enumerate(members):
            contract = Contract(id=new_id(), number=f"g/{n}", member_id=member.id, signed_on=today, starts_on=today)
            user = User(id=new_id(), email=f"g{n}@x.pl", name=f"Osoba {n}", fs_uniquifier=f"g{n}")
            user.grants.append(Grant(id=new_id(), role=role, member_id=member.id))
            step = ContractStep(id=new_id(), contract=contract, why=SUSPENSION, level="no_new", takes_on=today)
            db.session.add_all([contract, user, step])
    db.session.remove()


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
