"""What rights cost: finding out who asks and what they reach, and lists narrowed to a county's members.

A county with 100 schools of two branches each has 20,000 mailboxes below it, others have 80,000 more; 300 people hold
roles. Everything is measured in this process, on the panel's own actions and its API.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flask import Flask
from sqlalchemy import Select, insert, select

from config import Settings
from panel import api
from panel.api import bearer
from panel.identity.actions import actor_for_user, create_token, create_user, ensure_roles
from panel.identity.models import ApiToken, Grant, Role, User
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, new_id, unit_of_work
from panel.kernel.listing import paginate
from panel.kernel.passwords import token_digest
from panel.ledger import usage
from panel.ledger.events import Event, events_query
from panel.ledger.resources import complete_row
from panel.mail.domains import ensure_shared_domain
from panel.mail.finding import mailboxes_query, take_in
from panel.mail.models import Mailbox
from panel.members.models import Member
from panel.shapes import orders
from panel.wiring import create_core_app
from tests.bench.figures import Figure
from tests.worlds import SHARED, enrolled_node

SCHOOLS, BRANCHES, BELOW, ELSEWHERE, PEOPLE = 100, 2, 20_000, 80_000, 300
RATIO_MAX, ADDED_MAX = 1.2, 0.001


@dataclass(frozen=True)
class County:
    """The panel, somebody of the county and somebody of the association, each with a token."""

    app: Flask
    clerk: User
    staff: User
    secret: str
    mailbox_id: uuid.UUID


def rights(*, n: int = 50, database_url: str = "") -> list[Figure]:
    """Measure; ``database_url`` where it shall not be SQLite."""
    with tempfile.TemporaryDirectory() as folder, county(Path(folder), database_url) as made:
        return [*_requests(made, n), *_lists(made, n)]


def _requests(made: County, n: int) -> list[Figure]:
    """One mailbox by API: as it is, and by somebody who is let through without looking at rights."""
    client = made.app.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {made.secret}"}

    def ask() -> None:
        answer = Context().run(client.get, f"/api/v1/mailboxes/{made.mailbox_id}", headers=headers)
        assert answer.status_code == 200

    def let_through() -> None:
        with patch.object(bearer, "actor_for_token", _anybody):
            ask()

    plain, checked = _alternately((let_through, ask), n)
    added = statistics.median(checked) - statistics.median(plain)
    named = f"of {1 + SCHOOLS * (1 + BRANCHES)} members in reach"
    return [
        Figure("a mailbox by API, rights not looked at", tuple(plain)),
        Figure("a mailbox by API", tuple(checked), statistics.median(plain) + ADDED_MAX,
               note=f"rights add {added * 1000:.2f} ms, {named}"),
    ]  # fmt: skip


def _anybody(secret: str, *, address: str | None) -> Actor | None:
    """The token is still looked up, with its maker: that is signing in, not rights."""
    token = db.session.scalar(select(ApiToken).where(ApiToken.digest == token_digest(secret)))
    return None if token is None or address == "nowhere" else SYSTEM


def _lists(made: County, n: int) -> list[Figure]:
    with made.app.app_context():
        clerk, staff = (actor_for_user(db.session.get_one(User, who.id)) for who in (made.clerk, made.staff))
        return [
            *_list("mailboxes, newest first", mailboxes_query, "-created_at", (staff, clerk), n),
            *_list("mailboxes by address", mailboxes_query, "address", (staff, clerk), n),
            *_list("mailboxes found", partial(mailboxes_query, search="box12"), "address", (staff, clerk), n),
            *_list("events, newest first", events_query, "-at", (staff, clerk), n),
        ]


def _list(name: str, query: Callable[[Actor], Select[Any]], sort: str, people: Sequence[Actor], n: int) -> list[Figure]:
    """The first page with its total, as the staff's and as the county's."""
    sorts = orders.EVENTS if query is events_query else orders.MAILBOXES
    whole, narrow = _alternately([partial(_page, query, who, sorts, sort) for who in people], n)
    ratio = statistics.median(narrow) / statistics.median(whole)
    # The newest events of all come from one index in order; those of 301 members are sorted: milliseconds.
    limit = None if query is events_query else statistics.median(whole) * RATIO_MAX
    return [
        Figure(f"{name}, of the association", tuple(whole)),
        Figure(f"{name}, of a county", tuple(narrow), limit, note=f"{ratio:.2f} times the association's"),
    ]


def _page(query: Callable[[Actor], Select[Any]], who: Actor, sorts: orders.Orders, sort: str) -> None:
    paginate(query(who), sorts=sorts, default=sort)
    db.session.expunge_all()
    db.session.rollback()


def _alternately(calls: Sequence[Callable[[], None]], n: int) -> list[list[float]]:
    """Time each in turn, ``n`` times: what the machine does meanwhile meets them alike."""
    taken: list[list[float]] = [[] for _ in calls]
    for round_ in range(n + 5):
        for call, samples in zip(calls, taken, strict=True):
            began = time.perf_counter()
            call()
            if round_ >= 5:
                samples.append(time.perf_counter() - began)
    return taken


@contextmanager
def county(folder: Path, database_url: str = "") -> Iterator[County]:
    """The panel with all its rows."""
    settings = Settings(env="lab", data_dir=folder, database_url=database_url, secret_key="x", api_rate=10_000_000)
    app = create_core_app(settings)
    api.register(app)
    with app.app_context():
        db.create_all()
        ensure_roles()
        node, domain = enrolled_node("mail1"), ensure_shared_domain(SYSTEM, SHARED)
        top, below, others = _members()
        boxes = [
            Mailbox(id=new_id(), member_id=owner, domain_id=domain.id, node_id=node.id, address=f"box{n}@{SHARED}",
                    quota_mb=100)
            for n, owner in enumerate(_spread(below, others))
        ]  # fmt: skip
        with unit_of_work():
            db.session.execute(insert(Mailbox), [complete_row(box) for box in boxes])
            db.session.execute(insert(Event), [_event(box) for box in boxes])
            for owner, number in Counter(_spread(below, others)).items():
                usage.add(owner, {"mailboxes": number, "mailbox_mb": 100 * number})
        take_in(SYSTEM)
        _people([*below, *others])
        clerk = _person("starosta", "member_admin", top)
        staff = _person("biuro", "association_admin", None)
        _, secret = create_token(actor_for_user(clerk, fresh=True), role="member_editor", member_id=top)
        mailbox_id = next(box.id for box in boxes if box.member_id in below)
        db.session.remove()
    yield County(app, clerk, staff, secret, mailbox_id)
    with app.app_context():
        db.engine.dispose()


def _members() -> tuple[uuid.UUID, list[uuid.UUID], list[uuid.UUID]]:
    """A county with its schools and their branches, and as many again that are nobody's."""
    top = _member("powiat", None)
    schools = [_member(f"s{n}", top.id) for n in range(SCHOOLS)]
    branches = [_member(f"f{n}", schools[n // BRANCHES].id) for n in range(SCHOOLS * BRANCHES)]
    others = [_member(f"g{n}", None) for n in range(50)]
    with unit_of_work():
        for level in ([top], schools, branches, others):
            db.session.add_all(level)
            db.session.flush()
    return top.id, [one.id for one in (top, *schools, *branches)], [one.id for one in others]


def _member(slug: str, parent_id: uuid.UUID | None) -> Member:
    return Member(id=new_id(), name=slug, kind="school", slug=slug, parent_id=parent_id)


def _spread(below: list[uuid.UUID], others: list[uuid.UUID]) -> list[uuid.UUID]:
    """Whose each mailbox is: one of the county's, then four of others, as they come in a year."""
    return [others[n % len(others)] if n % 5 else below[n * 7 % len(below)] for n in range(BELOW + ELSEWHERE)]


def _event(box: Mailbox) -> dict[str, object]:
    same = {"kind": "mailbox", "tag": "mail:mailbox:create", "actor": "system:panel"}
    row = Event(id=new_id(), tag=same["tag"], actor=same["actor"], member_id=box.member_id, resource_kind=same["kind"],
                resource_id=box.id)  # fmt: skip
    return complete_row(row)


def _people(members: list[uuid.UUID]) -> None:
    roles = {role.name: role.id for role in db.session.scalars(select(Role))}
    users = [User(id=new_id(), email=f"u{n}@x.pl", name=f"Osoba {n}", fs_uniquifier=str(n)) for n in range(PEOPLE)]
    with unit_of_work():
        db.session.add_all(users)
        db.session.flush()
        db.session.add_all(
            Grant(id=new_id(), user_id=user.id, role_id=roles["member_editor"], member_id=members[n % len(members)])
            for n, user in enumerate(users)
        )


def _person(name: str, role: str, member_id: uuid.UUID | None) -> User:
    return create_user(SYSTEM, email=f"{name}@x.pl", name=name, password_hash=None, role=role, member_id=member_id)
