"""Where the parts meet: which kinds there are, what looks at them, how workers are rung."""

from __future__ import annotations

import json
import logging
import socket
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from flask import Flask
from flask_migrate import Migrate
from huey import Huey, RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer
from redis import ConnectionPool, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import select

from config import Settings
from panel.contracts.ending import make_tasks
from panel.contracts.orders import start_orders
from panel.contracts.stepping import carry_out_steps
from panel.contracts.usage_days import note_usage
from panel.dns.chores import DNS_CHORES
from panel.dns.delegating import ChildRecords
from panel.dns.following import PointerRecords
from panel.dns.managed import keep_offers
from panel.engine.alarms import watch_conditions
from panel.engine.attending import Attendance
from panel.engine.backups import run_backup, run_mail_restore, run_store_restore
from panel.engine.drift import CHECK, check_node, check_when_due
from panel.engine.exchange import Exchange
from panel.engine.kinds import KINDS as WIRED_KINDS
from panel.engine.kinds import Looker
from panel.engine.reconcile import Reconciler
from panel.engine.records import Pace
from panel.engine.relay import Relay, relay_of
from panel.engine.repair import REPAIR, repair_node
from panel.engine.sight import NodeLooker
from panel.engine.tasks import Task
from panel.engine.verify import Verifier
from panel.engine.worker import THREADS, Worker
from panel.identity.chores import PEOPLE_CHORES
from panel.imports.forgetting import forget_old_imports
from panel.kernel.access import Actor
from panel.kernel.db import Work, db
from panel.kernel.shared_files import ensure_file
from panel.kinds import KINDS, LOOKERS
from panel.ledger.backups import RESTORE, RESTORE_STORE, RUN
from panel.ledger.chain import chainer
from panel.ledger.grading import GRADED, Raise
from panel.ledger.jobs import DOORBELL
from panel.ledger.nodes import Lease, Node
from panel.ledger.offers import OFFERS, SOURCES, Source
from panel.mail.chores import MAIL_CHORES
from panel.mail.dns_records import MailRecords
from panel.mail.finding import take_in
from panel.mail.grading import raise_mailboxes
from panel.mail.models import MailDomain
from panel.mail.use_days import note_mail_use
from panel.notices.expanding import forget_old_notices
from panel.webhooks.making import forget_old_deliveries, queue_events
from provisioning.ssh import Sessions

RECORD_SOURCES: tuple[Source, ...] = (MailRecords(), PointerRecords(), ChildRecords())
"""What wants to see records in zones."""

GRADED_KINDS: tuple[Raise, ...] = (raise_mailboxes,)
"""What a member's grade bears on."""

CHORES = (
    *MAIL_CHORES,
    *DNS_CHORES,
    check_when_due,
    watch_conditions,
    *PEOPLE_CHORES,
    forget_old_notices,
    make_tasks,
    carry_out_steps,
    start_orders,
    note_usage,
    note_mail_use,
    forget_old_deliveries,
    forget_old_imports,
)
"""What workers do from time to time, whoever asked or did not."""

BRISK_CHORES = (chainer(), queue_events, take_in)
"""What they do every few seconds."""

TASKS: Mapping[str, Task] = {
    CHECK: check_node,
    REPAIR: repair_node,
    RUN: run_backup,
    RESTORE: run_mail_restore,
    RESTORE_STORE: run_store_restore,
}
"""What jobs of these causes do, under the lease of their node."""

HUEY = "cis.huey"
REDIS_SECONDS = 3
"""How long Redis may take to answer; a worker listens for one second at a time."""

DATABASE_LINKS = 8
"""Connections kept by a process: a thread that works on a node uses two, the second to keep the lease."""

BODY_BYTES_MAX = 32 * 1024 * 1024
log = logging.getLogger("cis.wiring")
ROOT = Path(__file__).resolve().parent.parent


def create_core_app(settings: Settings) -> Flask:
    """The application without web edges: what workers and the command line need."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.database_url:
        ensure_file(settings.data_dir / "panel.sqlite")
    app = Flask(
        "panel",
        root_path=str(ROOT / "panel"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "panel/static"),
    )
    app.config.update(
        CIS=settings,
        SECRET_KEY=settings.secret_key or None,
        SQLALCHEMY_DATABASE_URI=settings.sqlalchemy_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_pre_ping": not settings.sqlalchemy_url.startswith("sqlite"),
            "pool_size": DATABASE_LINKS,
            "max_overflow": 2 * DATABASE_LINKS,
            "hide_parameters": True,  # errors go to logs; what a statement carried (hashes, people) stays out of them
        },
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
    )
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    connect(app)
    return app


def connect(app: Flask) -> None:
    """Give ``app`` its doorbell: actions ring it after their commit."""
    huey = make_huey(app.config["CIS"])
    ring = huey.task(name="ring")(_unanswered)
    app.extensions[HUEY] = huey
    app.extensions[WIRED_KINDS] = KINDS
    app.extensions[DOORBELL] = lambda node_id: _ring(ring, node_id)
    app.extensions[GRADED] = _raise_generations
    app.extensions[SOURCES] = RECORD_SOURCES
    app.extensions[OFFERS] = partial(keep_offers, RECORD_SOURCES)


def answer(app: Flask, worker: Worker) -> Huey:
    """Let ``worker`` answer the doorbell, and return the queue for a consumer to run."""
    huey = make_huey(app.config["CIS"])
    huey.task(name="ring")(lambda node_id: worker.start(uuid.UUID(node_id)))
    return huey


def make_huey(settings: Settings) -> Huey:
    """The doorbell: Redis where set, else a SQLite file. Rings are not kept when a worker dies: the ledger knows."""
    if settings.redis_url:
        return RedisHuey("cis", connection_pool=_redis(settings.redis_url), results=False, serializer=JsonSerializer())
    path = settings.below_data(settings.huey_path)
    ensure_file(path)
    return SqliteHuey("cis", filename=str(path), results=False, fsync=False, serializer=JsonSerializer())


class JsonSerializer(Serializer):  # type: ignore[misc]  # the library has no types
    """Rings as JSON. Huey's own are pickles: whoever may ring could have the worker run whatever they like."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


def _redis(url: str) -> ConnectionPool:
    """Connections that give up soon: people wait for a ring, and nothing depends on it."""
    return ConnectionPool.from_url(
        url, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS, retry=Retry(NoBackoff(), 1)
    )


def make_exchange(settings: Settings) -> Exchange:
    """The warm sessions of this process, with the panel's own key."""
    return Exchange(sessions=Sessions(settings.below_data(settings.panel_key)))


def make_worker(app: Flask, exchange: Exchange, *, threads: int = THREADS) -> Worker:
    """The worker of this process, with warm probes; ``threads`` nodes are worked on beside each other."""
    settings: Settings = app.config["CIS"]
    pace = Pace(look_seconds=settings.look_hours * 3600, lease_seconds=settings.lease_seconds)
    lookers = _warm_lookers(settings)
    reconciler = Reconciler(
        kinds=KINDS, exchange=exchange, looker_for=lookers, batch_size=settings.batch_size, pace=pace
    )
    verifier = Verifier(
        kinds=KINDS,
        exchange=exchange,
        looker_for=lookers,
        pace=pace,
        per_round=settings.looks_per_round,
        round_seconds=settings.sweep_seconds,
    )
    return Worker(
        app, reconciler, lease_seconds=settings.lease_seconds, tasks=TASKS, verifier=verifier, threads=threads
    )


def alarm_relay(settings: Settings) -> Relay:
    """The way by which alarms leave; it refuses recipients whose mail ends on nodes of ours."""
    return relay_of(settings, is_ours=_is_mail_domain)


def anchor_relay(settings: Settings) -> Relay:
    """The same way for the day's anchor, to those who keep it."""
    return alarm_relay(replace(settings, alarm_to=settings.anchor_to or settings.alarm_to))


def _is_mail_domain(domain: str) -> bool:
    return db.session.scalar(select(MailDomain.id).where(MailDomain.name == domain)) is not None


def attend(settings: Settings, exchange: Exchange, node: Node, lease: Lease) -> Attendance:
    """What the panel does for ``node`` while an operator works on it by hand."""
    return Attendance(node=node, lease=lease, exchange=exchange, kinds=KINDS, looker_for=_warm_lookers(settings))


def _warm_lookers(settings: Settings) -> Callable[[Node], Looker]:
    """One looker for each node, made again when the node's address or certificate changed."""
    kept: dict[uuid.UUID, tuple[tuple[str, ...], Looker]] = {}

    def looker_for(node: Node) -> Looker:
        face = (node.address, node.hostname, node.certificate, *node.roles)
        known = kept.get(node.id)
        if known is None or known[0] != face:
            if known is not None:
                known[1].close()
            kept[node.id] = (face, NodeLooker(_lookers(node, settings.probe_source or _own_address(node.address))))
        return kept[node.id][1]

    return looker_for


def _lookers(node: Node, source: str) -> dict[str, Looker]:
    """Who looks at what on a node, by the roles that it has."""
    return {
        kind: looker
        for role, (kinds, make) in LOOKERS.items()
        if role in node.roles
        for looker in [make(node, source)]
        for kind in kinds
    }


def _own_address(towards: str) -> str:
    """The address of this host that ``towards`` sees."""
    with socket.socket(socket.AF_INET6 if ":" in towards else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((towards, 9))
        return str(probe.getsockname()[0])


def _raise_generations(work: Work, actor: Actor, member_id: uuid.UUID) -> int:
    """Want all graded resources of a member anew: one statement for each kind, one job for each node and kind."""
    return sum(raise_kind(work, actor, member_id) for raise_kind in GRADED_KINDS)


def _ring(ring: Callable[[str], object], node_id: uuid.UUID) -> None:
    """Ring once. What was asked for is in the database already: the sweep finds it where the doorbell is away."""
    try:
        ring(str(node_id))
    except (RedisError, sqlite3.Error, OSError) as error:
        log.warning("ring for node %s is lost: %s", node_id, type(error).__name__)


def _unanswered(node_id: str) -> None:
    raise RuntimeError(f"ring for {node_id} was taken by a process that is no worker")
