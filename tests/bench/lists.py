"""What lists and searches cost among a million mailboxes of 3,000 members; a database is made for it by plain SQL.

Run alone: ``python -m tests.bench.lists``. The staff reaches all, one member has a tenth, a county of 300 members has
20,000, a clerk some dozens.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from config import Settings
from panel.kernel.access import ROLES, SYSTEM, Actor, Reach
from panel.kernel.db import db
from panel.kernel.listing import paginate
from panel.ledger.usage import Usage
from panel.mail.changing import change_mailboxes
from panel.mail.choosing import Choice, Wish
from panel.mail.domains import ensure_shared_domain
from panel.mail.finding import mailboxes_query, take_in
from panel.mail.models import Mailbox
from panel.search.everything import search
from panel.shapes import orders
from panel.wiring import create_core_app
from tests.bench.figures import Figure, machine, table
from tests.checks.files import ROOT
from tests.worlds import SHARED, enrolled_node

MEMBERS, COUNTY = 3_000, 300
LIMIT = 0.05
_FIRST = (
    "jan anna piotr maria krzysztof katarzyna andrzej tomasz agnieszka pawel barbara michal zofia lukasz joanna".split()
)
_PARTS = "kow al ski now ak wis wo jcik kam lew and zie lin szy man wozn iak dab row zlow mazur kwi kra".split()


def lists(*, count: int = 1_000_000, n: int = 5) -> list[Figure]:
    """Make the database, measure, and remove it."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_core_app(Settings(env="lab", data_dir=Path(folder), secret_key="x"))
        with app.app_context():
            _make(app, Path(folder) / "panel.sqlite", count)
            return [*_measured(n), *_changed(min(10_000, count // 100))]


def _make(app: Flask, file: Path, count: int) -> None:
    db.create_all()
    node, domain = enrolled_node("mail1"), ensure_shared_domain(SYSTEM, SHARED)
    same = (domain.id.hex, node.id.hex)
    db.session.remove()
    chance = random.Random(1)  # noqa: S311 - the same mailboxes each time, nothing secret
    members = [uuid.UUID(int=0x0190 << 112 | 7 << 76 | 2 << 62 | n).hex for n in range(MEMBERS)]
    with sqlite3.connect(file) as file_:
        file_.executemany(
            "INSERT INTO members (id, name, kind, official_kind, county, county_rights, slug, e_delivery_address,"
            " address, contacts, folded, version, created_at, updated_at) VALUES"
            " (?1, ?2, 'unit', '', '', 0, ?2, '', '', '[]', ?2, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
            [(id_, f"g{n}") for n, id_ in enumerate(members)],
        )
        file_.executemany(
            "INSERT INTO mailboxes (id, member_id, domain_id, node_id, address, quota_mb, suspended_at, want,"
            " wanted_generation, sent_generation, applied_generation, seen_generation, attempts, statutory, use_told,"
            " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'put', 1, 1, 1, 1, 0, 0, 0,"
            " '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
            (
                (uuid.UUID(int=0x0191 << 112 | n << 80 | 7 << 76 | 2 << 62).hex, _owner(members, n), *same,
                 _address(chance, n), 1024 if n % 3 else 2048, None if n % 700 else "2026-01-02 00:00:00")
                for n in range(count)
            ),
        )  # fmt: skip
        file_.execute(
            "INSERT INTO usage (member_id, kind, amount)"
            " SELECT member_id, 'mailboxes', count(*) FROM mailboxes GROUP BY member_id"
        )
    file_.close()
    take_in(SYSTEM)


def _owner(members: list[str], n: int) -> str:
    if n % 10 == 0:
        return members[0]
    return members[1 + n // 50 % COUNTY] if n % 50 == 1 else members[1 + COUNTY + n * 7 % (MEMBERS - COUNTY - 1)]


def _address(chance: random.Random, n: int) -> str:
    return f"{chance.choice(_FIRST)}.{''.join(chance.choices(_PARTS, k=3))}{n:x}@{SHARED}"


def _people() -> Iterator[tuple[str, Actor]]:
    rows = db.session.execute(select(Usage.member_id, Usage.amount).order_by(Usage.amount.desc())).all()
    members = {"the staff": None, "a member with a tenth": [rows[0].member_id], "a clerk": [rows[-1].member_id]}
    members["a county"] = sorted(row.member_id for row in rows)[1 : 1 + COUNTY]
    for name, ids in members.items():
        reach = Reach(permissions=ROLES["member_admin"], member_ids=None if ids is None else frozenset(ids))
        yield name, Actor(ref="user:bench", name="bench", grants=(reach,))


def _measured(n: int) -> Iterator[Figure]:
    for name, who in _people():
        for sort in ("address", "-created_at", "quota_mb"):
            yield _figure(f"list by {sort}, {name}", partial(_page, who, sort), n)
        for words in ("kowalski", "zofia kow", "qqq", "wokiss"):
            yield _figure(f"list of “{words}”, {name}", partial(_page, who, "-created_at", search=words), n)
        for state in ("active", "suspended", "failed"):
            yield _figure(f"list of {state}, {name}", partial(_page, who, "address", state=state), n)
        for words in ("kowalski", "jan", "zofia", "kow 7f", "qqq"):
            yield _figure(f"search “{words}”, {name}", partial(search, who, words), n)


def _figure(name: str, call: Callable[[], object], n: int) -> Figure:
    samples = []
    for round_ in range(n + 1):
        began = time.perf_counter()
        call()
        if round_:
            samples.append(time.perf_counter() - began)
        db.session.expunge_all()
        db.session.rollback()
    return Figure(name, tuple(samples), LIMIT)


def _page(who: Actor, sort: str, **narrow: str) -> None:
    query = mailboxes_query(who, search=narrow.get("search", ""), state=narrow.get("state"))
    paginate(query, sorts=orders.MAILBOXES, default=sort, searching="search" in narrow)


def _changed(count: int) -> Iterator[Figure]:
    ids = list(db.session.scalars(select(Mailbox.id).where(Mailbox.suspended_at.is_(None)).limit(count)))
    db.session.rollback()
    for action in ("suspend", "resume"):
        began = time.perf_counter()
        change_mailboxes(SYSTEM, Wish(action=action), Choice(ids=ids))
        figure = Figure(f"{action} {count:,} at once", (time.perf_counter() - began,), 2.0)
        there = db.session.scalar(select(func.count(Mailbox.id)))
        yield replace(figure, note=f"among {there:,}")


if __name__ == "__main__":
    found = lists(count=int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    print(f"{machine(ROOT)}\n\n{table(found)}")
    sys.exit(0 if all(figure.kept for figure in found) else 1)
