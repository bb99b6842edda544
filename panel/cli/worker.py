"""``cis worker``: answers the doorbell and sweeps, until told to stop."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from config import Settings
from panel.cli.panel_key import require_own_key
from panel.dns.dynamic_reading import keep_updates, updates_due
from panel.dns.rolling import ds_seen_due, keep_ds_seen
from panel.dns.servers import PRIMARY
from panel.dns.signing import facts_due, keep_facts
from panel.engine.alarms import Compose, News, teller
from panel.engine.backups import backup_keeper
from panel.engine.exchange import Exchange
from panel.engine.facts import facts_asker
from panel.engine.greeting import greeter
from panel.engine.health import health_asker
from panel.engine.relay import RelayFailed
from panel.engine.sweep import Rounds, run_forever
from panel.engine.use import use_asker
from panel.engine.worker import THREADS
from panel.imports.committing import carry_out_imports
from panel.kernel import i18n
from panel.kernel.access import Actor
from panel.kernel.processes import settle
from panel.kinds import KINDS
from panel.ledger.anchors import anchorer
from panel.ledger.erasing import expirer
from panel.ledger.workers import end_sign, show_sign
from panel.mail.use import keep_use
from panel.notices.expanding import expand_notices
from panel.notices.sending import sender
from panel.shapes.ledger import event as event_shape
from panel.webhooks.sending import deliverer
from panel.wiring import (
    BRISK_CHORES,
    CHORES,
    alarm_relay,
    anchor_relay,
    answer,
    create_core_app,
    make_exchange,
    make_worker,
)
from panel.wording.alarms import alarm_message
from panel.wording.notices import notice_mail

log = logging.getLogger("cis.worker")


@click.command()
@click.option("--threads", default=THREADS, show_default=True, help="Nodes worked on at the same time.")
def worker(threads: int) -> None:
    """Make nodes have what is wanted: answer rings, sweep for what was missed."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for noisy in ("paramiko", "huey"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    settings = Settings.from_environment()
    require_own_key(settings.below_data(settings.panel_key))
    app = create_core_app(settings)
    i18n.connect(app)
    exchange = make_exchange(settings)
    engine = make_worker(app, exchange, threads=threads)
    huey = answer(app, engine)
    stop = threading.Event()
    name = f"{socket.gethostname()}:{os.getpid()}"
    rounds = Rounds(
        kinds=KINDS,
        chores=_chores(settings, exchange, name),
        brisk=_brisk(settings),
        outgoing=(deliverer(settings, event_shape),),
        patient=(carry_out_imports,),
        seconds=settings.sweep_seconds,
        looks=engine.nodes_to_look_at,
    )
    sweeper = threading.Thread(target=run_forever, args=(app, rounds, engine.start, stop), daemon=True)
    settle()
    sweeper.start()
    consumer = huey.create_consumer(
        workers=1, initial_delay=0.01, max_delay=0.02, backoff=1.0, periodic=False, check_worker_health=False
    )
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    consumer.run()
    stop.set()
    engine.close()
    with app.app_context():
        end_sign(name)


def _chores(settings: Settings, exchange: Exchange, name: str) -> tuple[Callable[[Actor], object], ...]:
    """What this worker does from time to time; it shows first that it lives."""
    return (
        lambda _actor: show_sign(name, seconds=settings.sweep_seconds),
        *CHORES,
        greeter(exchange),
        health_asker(exchange),
        use_asker(exchange, keep_use),
        facts_asker(exchange, role=PRIMARY, op="zones", due=facts_due, keep=keep_facts),
        facts_asker(exchange, role=PRIMARY, op="changes", due=updates_due, keep=keep_updates),
        facts_asker(exchange, role=PRIMARY, op="ds_seen", due=ds_seen_due, keep=keep_ds_seen),
        backup_keeper(exchange),
        teller(alarm_relay(settings), _compose(settings)),
        expirer(settings),
        anchorer(settings, _tell_anchor(settings)),
    )


def _brisk(settings: Settings) -> tuple[Callable[[Actor], object], ...]:
    """What people wait for."""
    return (
        *BRISK_CHORES,
        lambda actor: expand_notices(actor, settings),
        sender(settings, partial(notice_mail, settings)),
    )


def _tell_anchor(settings: Settings) -> Callable[[dict[str, Any]], bool]:
    """Send the day's anchor to where it is kept, by the relay of the alarms."""

    def tell(anchor: dict[str, Any]) -> bool:
        relay = anchor_relay(settings)
        if not relay.is_set:
            return False
        try:
            relay.send(f"[CIS Panel] anchor {anchor['seq']}", json.dumps(anchor, indent=2) + "\n")
        except RelayFailed as error:
            log.warning("the anchor was not sent (%s): %s", error.code, error)
            return False
        return True

    return tell


def _compose(settings: Settings) -> Compose:
    """Messages in the installation's language."""

    def compose(news: Sequence[News]) -> tuple[str, str]:
        with i18n.force_locale(settings.language):
            return alarm_message(news, public_url=settings.public_url)

    return compose
