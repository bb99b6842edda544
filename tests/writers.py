"""Several writers at once, each with a session of its own, as several processes of the panel are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

SECONDS = 60


def at_once(app: Flask, calls: Sequence[Callable[[], object]]) -> list[Any]:
    """Call all of ``calls`` at the same moment; return what each returned or raised, in their order."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        with app.app_context():
            start.wait(SECONDS)
            try:
                return call()
            except Exception as error:  # noqa: BLE001 - the test judges what was raised
                return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls, timeout=SECONDS))


def waiting(app: Flask, call: Callable[[], object]) -> Callable[[], Any]:
    """Start ``call``, which is expected to wait for what its caller holds; give it time to get there.

    Returns a call that waits for its end and returns what it returned or raised.
    """
    result: list[object] = []

    def run() -> None:
        with app.app_context():
            try:
                result.append(call())
            except Exception as error:  # noqa: BLE001 - the test judges what was raised
                result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(0.3)

    def ended() -> object:
        thread.join(SECONDS)
        return result[0]

    return ended
