"""A small association to test with: a real database, one node on record, members with contracts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from sqlalchemy import create_engine

from config import Settings
from panel.contracts.models import Contract, ContractItem, Service
from panel.kernel.access import ROLES, SYSTEM, Actor, Reach
from panel.kernel.db import Base, db, new_id, unit_of_work
from panel.ledger.jobs import DOORBELL
from panel.ledger.nodes import Node, record_enrolment
from panel.mail.domains import ensure_shared_domain
from panel.mail.models import MailDomain
from panel.members.models import Member
from panel.wiring import create_core_app

SHARED = "info.wokiss.pl"


@dataclass
class World:
    """Two members, one of them with a contract for 1,000 mailboxes; ``rings`` lists the nodes rung so far."""

    app: Flask
    node: Node
    domain: MailDomain
    koscian: Member
    smigiel: Member
    rings: list[uuid.UUID]

    def member_admin(self, member: Member) -> Actor:
        """Somebody who runs ``member``'s own services and nothing else."""
        return actor("member_admin", member)


def actor(role: str, *members: Member) -> Actor:
    """A person with ``role`` on ``members``, or on the whole association."""
    reach = Reach(permissions=ROLES[role], member_ids=frozenset(member.id for member in members) if members else None)
    return Actor(ref=f"user:{uuid.uuid4()}", name=role, grants=(reach,), fresh=True)


@contextmanager
def small_world(folder: Path, *, database_url: str = "") -> Iterator[World]:
    """The database at ``database_url`` (SQLite in ``folder``) with the world in it, inside an application context."""
    settings = Settings(
        env="lab", data_dir=folder, database_url=database_url, secret_key="of tests", secure_cookies=False
    )
    app = create_core_app(settings)
    rings: list[uuid.UUID] = []
    app.extensions[DOORBELL] = rings.append
    with app.app_context():
        _make_tables(settings)
        node = enrolled_node("mail1")
        domain = ensure_shared_domain(SYSTEM, SHARED)
        with unit_of_work():
            koscian = Member(id=new_id(), name="Kościan", kind="municipality", slug="miasto-koscian", teryt="301101")
            smigiel = Member(id=new_id(), name="Śmigiel", kind="municipality", slug="smigiel", teryt="301105")
            db.session.add_all([koscian, smigiel])
        grant(koscian, mailboxes=1000, mailbox_mb=1_024_000)
        yield World(app, node, domain, koscian, smigiel, rings)
        db.session.remove()
        db.engine.dispose()


def _make_tables(settings: Settings) -> None:
    """All tables, empty. A new SQLite file is a copy of the first one: that is ten times as quick as making them."""
    if settings.database_url:
        db.create_all()
    else:
        settings.data_dir.joinpath("panel.sqlite").write_bytes(_empty_file(frozenset(Base.metadata.tables)))


@cache
def _empty_file(_tables: frozenset[str]) -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder, "empty.sqlite")
        engine = create_engine(f"sqlite:///{file}")
        Base.metadata.create_all(engine)
        engine.dispose()
        return file.read_bytes()


def enrolled_node(name: str, *, address: str = "192.0.2.11") -> Node:
    """A mail node as enrolment records it."""
    return record_enrolment(
        SYSTEM,
        name=name,
        address=address,
        ssh_port=22,
        hostname=f"{name}.test",
        roles=["mail"],
        host_key=f"ssh-ed25519 {name}",
        fingerprint="SHA256:none",
        certificate="",
        agent_version="test",
        release="12",
        versions={"sender-check": "test"},
    )


def grant(member: Member, **entitlements: int) -> Contract:
    """A contract that gives ``member`` one unit of a service granting ``entitlements``."""
    with unit_of_work():
        code = f"T{uuid.uuid4().hex[:8]}"
        db.session.add(Service(code=code, name=code, unit="szt.", price=Decimal(1), entitlements=dict(entitlements)))
        db.session.flush()
        contract = Contract(
            id=new_id(), number=code, member_id=member.id, signed_on=date(2026, 1, 1), starts_on=date(2026, 1, 1)
        )
        contract.items.append(ContractItem(id=new_id(), service_code=code, quantity=1, unit_price=Decimal(1)))
        db.session.add(contract)
    return contract
