"""The panel's pages over a small real database: people who sign in, empty or full of things in every state."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import select, update
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from panel import web
from panel.contracts.actions import create_contract, suspend_contract
from panel.contracts.ending import make_tasks
from panel.contracts.entitlements import today
from panel.contracts.models import Service
from panel.contracts.orders import place_order
from panel.contracts.suspending import plan_suspension
from panel.contracts.usage_days import UsageDay
from panel.engine import approval
from panel.engine.guard import digest_of
from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.looks import note_look
from panel.identity.models import User
from panel.identity.passkeys import Passkey
from panel.identity.second_factor import NewTotp, new_totp
from panel.identity.sessions import UserSession, open_session
from panel.identity.stepping_in import actor_inside, enter
from panel.imports.actions import start_import
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, new_id, unit_of_work, utcnow
from panel.kernel.passwords import hash_user_password
from panel.ledger.differences import Difference
from panel.ledger.events import record_many
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.ledger.plans import HeldPlan
from panel.ledger.workers import show_sign
from panel.mail.actions import NewMailbox, create_mailboxes, remove_mailbox, suspend_mailbox
from panel.mail.agreed import ask_for
from panel.mail.models import Mailbox, MailDomain
from panel.mail.takeover import take_over
from panel.mail.use import keep_use
from panel.mail.use_days import MAIL_KEPT
from tests.web.doors import fill_doors
from tests.web.zones import fill_zones
from tests.worlds import SHARED, World, enrolled_node, small_world

PASSWORD = "correct horse battery staple"
BREAKING = re.compile(r'<wbr><span class="whole">(@[^<]*)</span>')
_CSRF = re.compile(r'name="csrf_token" type="hidden" value="([^"]+)"|name="csrf_token" value="([^"]+)"')


class Quiet(WSGIRequestHandler):
    """Answers without a line on the terminal for each request."""

    def log_request(self, *args: object) -> None:
        """Say nothing."""


class Browser(FlaskClient):
    """A browser without scripts. Each request finds an application context of its own, as it does in production."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send one request. Addresses in the page's text are as people see them: whole, wherever they may break."""
        answer = Context().run(super().open, *args, **({"buffered": True} | kwargs))
        if answer.mimetype == "text/html" and b"<wbr><span" in answer.get_data():
            answer.set_data(BREAKING.sub(r"\1", answer.get_data(as_text=True)))
        return answer


class Compiled(BytecodeCache):
    """Templates, compiled once for all sites of a process: a third of a page test's time."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what is known of a template, if its text is still the same (``bucket.checksum`` is in what is kept)."""
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template."""
        self._known[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


@dataclass
class Site:
    """A world with pages and three people: the association's administrator, a member's, and one without rights."""

    world: World
    admin: User
    totp: NewTotp
    clerk: User
    nobody: User

    def person(self, email: str, role: str) -> User:
        """Somebody with ``role`` on the whole association, and with the second factor that this takes."""
        return _person(email, email.partition("@")[0], role, totp=new_totp(self.world.app.config["CIS"]))

    def client(self, user: User | None = None, *, language: str = "pl", fresh: bool = False) -> FlaskClient:
        """A browser without scripts, signed in as ``user`` where one is given.

        ``fresh``: a second factor was given a moment ago, else longer ago than that counts.
        """
        client = self.world.app.test_client()
        secret = None if user is None else _session_of(user, fresh=fresh)
        with client.session_transaction() as session:
            session["cis_language"] = language
            if user is not None:
                session["_user_id"], session["cis_secret"] = user.fs_uniquifier, secret
        return client


def _session_of(user: User, *, fresh: bool) -> str:
    """The secret of an open session of ``user``."""
    opened = open_session(user, address="192.0.2.7", agent="Firefox, Linux", factors=["password", "totp"])
    if not fresh:
        stale = update(UserSession).where(UserSession.id == opened.row.id)
        with unit_of_work():
            db.session.execute(stale.values(factor_at=database_now(-3600), proven_at=database_now(-3600)))
    return opened.secret


def token_in(page: str) -> str:
    """The CSRF token of the first form on ``page``."""
    found = _CSRF.search(page)
    assert found is not None, "no form on this page"
    return found.group(1) or found.group(2)


@contextmanager
def small_site(folder: Path, *, full: bool = False) -> Iterator[Site]:
    """Pages over a world in ``folder``, inside its application context."""
    with small_world(folder) as world:
        world.app.jinja_env.bytecode_cache = COMPILED
        web.register(world.app)
        world.app.test_client_class = Browser
        ensure_roles()
        totp = new_totp(world.app.config["CIS"])
        admin = _person("admin@example.test", "Barbara Wójcik", "association_admin", totp=totp)
        clerk = _person("anna@example.test", "Anna Nowak", "member_admin", member_id=world.koscian.id)
        nobody = _person("nobody@example.test", "Jan Bezprawny", "member_editor", member_id=world.smigiel.id)
        nobody.grants.clear()
        clerk.grants[0].granted_at -= timedelta(days=30)
        db.session.commit()
        show_sign("worker of tests", seconds=24 * 3600)
        site = Site(world, admin, totp, clerk, nobody)
        if full:
            fill(site)
        yield site


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The address at which ``site`` answers real browsers."""
    server = make_server("127.0.0.1", 0, site.world.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://localhost:{server.server_port}"
    site.world.app.config["CIS"] = replace(site.world.app.config["CIS"], public_url=url)
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fill(site: Site) -> None:
    """Put something in every state into the world."""
    world = site.world
    boxes = _mailboxes(world)
    _settle(boxes)
    _use(world, boxes)
    _contracts(world)
    _jobs(world, boxes)
    _nodes(world)
    _differences(world, boxes)
    _held(world)
    _accesses(site)
    table = (
        f"adres;podmiot;hasło\nmiasto-koscian.x;Kościan;{PASSWORD}\nobcy;Kościan;\nsmigiel;Śmigiel;\nsmigiel.b;Śmigiel;"
    )
    start_import(actor_for_user(site.admin), kind="mailboxes", content=table.encode(), file_name="skrzynki.csv")
    fill_doors(world.koscian, site.nobody)
    fill_zones(world)
    db.session.add(Passkey(user_id=site.admin.id, credential_id="AAAA", public_key=b"", name="Klucz w szufladzie"))
    db.session.commit()


def _person(
    email: str, name: str, role: str, *, member_id: uuid.UUID | None = None, totp: NewTotp | None = None
) -> User:
    return create_user(
        SYSTEM,
        email=email,
        name=name,
        password_hash=_hashed(),
        role=role,
        member_id=member_id,
        totp_secret=totp.stored if totp else None,
    )


@cache
def _hashed() -> str:
    """Hash the password that all of them have: once, it takes its time by intent."""
    return hash_user_password(PASSWORD)


def _mailboxes(world: World) -> list[Mailbox]:
    names = [
        "sekretariat",
        "wojt",
        "kasa",
        "usc",
        "promocja.i.rozwoj.gospodarczy",
        "rada",
        "podatki",
        *(f"pracownik{n:03}" for n in range(60)),
    ]
    wanted = [
        NewMailbox(member_id=world.koscian.id, address=f"{name}@{SHARED}", quota_mb=1024 * (1 + n % 3))
        for n, name in enumerate(names)
    ]
    return [changed.mailbox for changed in create_mailboxes(SYSTEM, wanted)]


def _settle(boxes: list[Mailbox]) -> None:
    """Make most of ``boxes`` active, and one each suspended, removed, applying, failed, differing and pending."""
    now = utcnow()
    with unit_of_work():
        seen = {
            "sent_generation": 1,
            "applied_generation": 1,
            "seen_generation": 1,
            "seen_at": now - timedelta(minutes=2),
            "seen_how": "message",
        }
        db.session.execute(update(Mailbox).values(**seen))
        db.session.execute(update(MailDomain).values(**seen))
    db.session.expire_all()
    boxes = [db.session.get_one(Mailbox, box.id) for box in boxes]
    suspend_mailbox(SYSTEM, boxes[1].id)
    remove_mailbox(SYSTEM, boxes[2].id)
    with unit_of_work():
        boxes[1].seen_generation = boxes[1].applied_generation = boxes[1].wanted_generation
        boxes[3].change(quota_mb=5000)
        boxes[3].sent_generation = boxes[3].wanted_generation
        boxes[4].change(quota_mb=5000)
        boxes[4].problem_code, boxes[4].problem_since = "refused", now
        boxes[4].problem_message = "fatal: userdb rejected the row: field quota_rule: value is out of bounds"
        boxes[5].problem_code, boxes[5].problem_message = "failed", "digest differs"
        boxes[6].change(quota_mb=2000)


def _use(world: World, boxes: list[Mailbox]) -> None:
    """What the node told that mailboxes hold: of one that it is nearly full, of one that it is as good as full."""
    told = {box.id: (number * 37 % 800) * 1024 for number, box in enumerate(boxes[:40])}
    keep_use(SYSTEM, world.node.id, told | {boxes[0].id: 850 * 1024, boxes[7].id: 1980 * 1024})
    with unit_of_work():
        for back in range(0, 90, 6):
            row = {"member_id": world.koscian.id, "kind": MAIL_KEPT, "day": today() - timedelta(days=back)}
            db.session.add(UsageDay(used=14_000 - 90 * back, granted=130_000, **row))


def _contracts(world: World) -> None:
    service = db.session.scalars(select(Service)).first()
    assert service is not None
    common = {
        "member_id": world.koscian.id,
        "signed_on": today() - timedelta(days=400),
        "starts_on": today() - timedelta(days=390),
    }
    items = [{"service": service.code, "quantity": 12, "unit_price": "102.87", "discount_percent": 10}]
    ending = create_contract(SYSTEM, number="CIS/2025/7", ends_on=today() + timedelta(days=20), items=items, **common)
    later = common | {"starts_on": today() + timedelta(days=10)}  # so that it holds nobody back
    suspended = create_contract(SYSTEM, number="CIS/2025/8", items=items, **later)
    suspend_contract(SYSTEM, suspended.id, level="no_send", reason="Zaległość w opłatach")
    create_contract(SYSTEM, number="CIS/2024/1", ends_on=today() - timedelta(days=3), items=items, **common)
    make_tasks(SYSTEM)
    later_steps = [{"level": "no_login", "takes_on": today() + timedelta(days=30)}]
    plan_suspension(SYSTEM, ending.id, steps=later_steps, reason="Zaległość", contact="Anna Nowak, 65 512 00 00")
    order = [{"service": service.code, "quantity": 2}]
    place_order(SYSTEM, member_id=world.koscian.id, contract_id=ending.id, items=order, note="Nowy referat")
    with unit_of_work():
        for back in range(0, 360, 12):
            row = {"member_id": world.koscian.id, "kind": "mailboxes", "day": today() - timedelta(days=back)}
            db.session.add(UsageDay(used=66 - back // 9, granted=80 if back > 180 else 110, **row))


def _jobs(world: World, boxes: list[Mailbox]) -> None:
    now = utcnow()
    log = [
        {"at": now.isoformat(timespec="milliseconds"), "text": "batch applied", "sent": 3, "applied": 2, "batch": "x"},
        {"at": now.isoformat(timespec="milliseconds"), "text": "looked from outside", "message": 1, "rcpt": 1},
        {"at": now.isoformat(timespec="milliseconds"), "text": "unreachable", "message": "no route to host"},
    ]
    with unit_of_work():
        for number, state in enumerate(("queued", "running", "done", "failed", "waiting_approval", "cancelled")):
            db.session.add(
                Job(
                    node_id=world.node.id,
                    cause="mail:mailbox:quota",
                    actor="user:x",
                    member_id=world.koscian.id,
                    state=state,
                    resource_kind="mailbox",
                    resource_id=boxes[number].id,
                    queued_at=now - timedelta(minutes=number),
                    finished_at=now if state in ("done", "failed", "cancelled") else None,
                    counts={"applied": 2, "failed": 1} if state in ("done", "failed") else {},
                    log=log if state != "queued" else [],
                )
            )
        record_many(
            SYSTEM,
            (
                {
                    "tag": f"engine:mailbox:{action}",
                    "kind": "mailbox",
                    "resource_id": boxes[0].id,
                    "name": boxes[0].address,
                    "member_id": world.koscian.id,
                    "node_id": world.node.id,
                    "data": data,
                }
                for action, data in (
                    ("applied", {}),
                    ("refused", {"code": "refused", "message": "no"}),
                    ("seen", {"how": "message"}),
                )
            ),
        )


def _differences(world: World, boxes: list[Mailbox]) -> None:
    """One difference of each way, some of them decided."""
    now = utcnow()
    same = {"node_id": world.node.id, "first_seen_at": now - timedelta(hours=3), "last_seen_at": now}
    wanted = {"address": boxes[8].address, "quota_mb": 1024, "login": "open"}
    rows: list[dict[str, Any]] = [
        {"kind": "mailbox", "resource_id": boxes[8].id, "name": boxes[8].address, "what": "different", "wanted": wanted,
         "found": wanted | {"quota_mb": 9999}, "differs": ["quota_mb", "password_hash"]},
        {"kind": "mailbox", "resource_id": boxes[9].id, "name": boxes[9].address, "what": "missing", "wanted": wanted},
        {"kind": "mailbox", "resource_id": uuid.uuid4(), "name": f"dzikie@{SHARED}", "what": "only_here",
         "found": {"address": f"dzikie@{SHARED}", "quota_mb": 100, "login": "waiting"}, "found_generation": 3,
         "secrets": {"password_hash": None}},
        {"kind": "map_row", "name": "ktos@example.com", "what": "foreign",
         "found": {"map": "virtual", "key": "ktos@example.com", "value": "gdzies@example.com"},
         "secrets": {"key": "ktos@example.com"}},
        {"kind": "file", "name": "/etc/postfix/main.cf", "what": "file"},
        {"kind": "mailbox", "resource_id": boxes[10].id, "name": boxes[10].address, "what": "not_served",
         "wanted": wanted, "state": "kept", "reason": "Przenosiny do końca roku", "decided_by": "Barbara Wójcik",
         "until": now + timedelta(days=20)},
    ]  # fmt: skip
    with unit_of_work():
        for number, row in enumerate(rows):
            db.session.add(Difference(key=f"k{number}", found_digest=f"d{number}", **same, **row))
        db.session.execute(
            update(Node)
            .where(Node.id == world.node.id)
            .values(drift_checked_at=now - timedelta(hours=1), health=HEALTH, health_at=now)
        )


def _held(world: World) -> None:
    """Removals that wait for approval, of what was made for them."""
    names = [f"odchodzi{number}" for number in range(3)]
    new = [NewMailbox(member_id=world.koscian.id, address=f"{name}@{SHARED}", quota_mb=1024) for name in names]
    boxes = [changed.mailbox for changed in create_mailboxes(SYSTEM, new)]
    for box in boxes:
        remove_mailbox(SYSTEM, box.id)
    plan = HeldPlan(
        id=new_id(), node_id=world.node.id, digest="", reasons=["removed:mailbox"], made_at=utcnow(),
        counts=[["mailbox", "remove", len(boxes), 67]], requested_by=[{"ref": "system:panel", "user_id": None}],
    )  # fmt: skip
    with unit_of_work():
        db.session.add(plan)
        db.session.flush()
        held = update(Mailbox).where(Mailbox.id.in_([box.id for box in boxes])).values(plan_id=plan.id)
        db.session.execute(held, execution_options={"synchronize_session": False})
        db.session.expire_all()
        plan.digest = digest_of(approval._rows(world.node.id, plan=plan))


def _accesses(site: Site) -> None:
    """Somebody of the staff in Kościan's view, who asked for a change there, and a mailbox that was handed over."""
    world, helper = site.world, site.person("pomoc@example.test", "support")
    stay = enter(actor_for_user(helper, fresh=True), world.koscian.id, reason="Prośba o pomoc, telefon z 22 listopada")
    inside = actor_inside(helper, stay)
    box = db.session.scalars(select(Mailbox).where(Mailbox.address == f"pracownik000@{SHARED}")).one()
    ask_for(inside, "quota", mailbox_id=box.id, quota_mb=4096)
    note_look(inside, world.koscian.id)
    take_over(SYSTEM, box.id, successor="Ewa Nowa", authority="Zarządzenie nr 12/2026", earlier="Jan Dawny")


HEALTH = {
    "load": [1.27, 0.9, 0.5],
    "cpus": 2,
    "memory": {"total": 4 << 30, "available": 1 << 30},
    "disks": [
        {"path": "/", "total": 40 << 30, "free": 21 << 30},
        {"path": "/var/vmail", "total": 400 << 30, "free": 9 << 30},
    ],
    "queue": {"active": 1, "deferred": 12},
    "certificate_expires_at": "2027-03-01T00:00:00+00:00",
    "uptime_seconds": 86400,
}


def _nodes(world: World) -> None:
    broken = enrolled_node("mail2", address="192.0.2.12")
    with unit_of_work():
        db.session.execute(
            update(Node)
            .where(Node.id == broken.id)
            .values(problem_code="unreachable", problem_message="no route to host")
        )
        versions = {"postfix": "3.7.11", "dovecot": "2.3.19.1", "sender-check": "test"}
        db.session.execute(update(Node).where(Node.id == world.node.id).values(versions=versions))
