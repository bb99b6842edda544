"""``cis worker``: answers the doorbell and sweeps, until told to stop."""

from __future__ import annotations

import logging
import signal
import sys
import threading

import click

from config import Settings
from panel.cli.panel_key import require_own_key
from panel.engine.greeting import greeter
from panel.engine.sweep import Rounds, run_forever
from panel.wiring import CHORES, KINDS, answer, create_core_app, make_exchange, make_worker


@click.command()
@click.option("--threads", default=2, show_default=True, help="Nodes worked on at the same time.")
def worker(threads: int) -> None:
    """Make nodes have what is wanted: answer rings, sweep for what was missed."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for noisy in ("paramiko", "huey"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    settings = Settings.from_environment()
    require_own_key(settings.below_data(settings.panel_key))
    app = create_core_app(settings)
    exchange = make_exchange(settings)
    engine = make_worker(app, exchange)
    huey = answer(app, engine)
    stop = threading.Event()
    rounds = Rounds(kinds=KINDS, chores=(*CHORES, greeter(exchange)), seconds=settings.sweep_seconds)
    sweeper = threading.Thread(target=run_forever, args=(app, rounds, engine.ring, stop), daemon=True)
    sweeper.start()
    consumer = huey.create_consumer(
        workers=threads, initial_delay=0.01, max_delay=0.02, backoff=1.0, periodic=False, check_worker_health=False
    )
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    consumer.run()
    stop.set()
