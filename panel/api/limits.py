"""A coarse bound on requests, against programs that run wild. Counted in each process, forgotten when it ends."""

from __future__ import annotations

import threading
import time

from flask import current_app, request

_WINDOW_SECONDS = 60
_STRANGER_SHARE = 100
"""Requests without a good token are counted by address, and get the hundredth part."""

_lock = threading.Lock()
_counts: dict[str, int] = {}
_window = 0


def seconds_to_wait(actor_ref: str | None) -> int:
    """0 if the request may go on, else the seconds after which the next one may come."""
    global _window  # noqa: PLW0603 - one window for the process, guarded by the lock
    most: int = current_app.config["CIS"].api_rate
    now = time.time()
    with _lock:
        if int(now) // _WINDOW_SECONDS != _window:
            _counts.clear()
            _window = int(now) // _WINDOW_SECONDS
        asker = actor_ref or f"address:{request.remote_addr}"
        _counts[asker] = _counts.get(asker, 0) + 1
        over = _counts[asker] > (most if actor_ref else max(1, most // _STRANGER_SHARE))
    return max(1, _WINDOW_SECONDS - int(now) % _WINDOW_SECONDS) if over else 0
