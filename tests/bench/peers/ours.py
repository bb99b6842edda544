"""The same work by the panel's API, counted until every mailbox was seen working from outside."""

from __future__ import annotations

import secrets
import time
from typing import Any

from tests.bench.api import ApiFailed, await_no_more
from tests.bench.figures import Figure
from tests.bench.mailboxes import DOMAIN, Place

_SECONDS = 120.0
_STEP_SECONDS = 0.02


def applied(where: Place, *, size: int, n: int) -> list[Figure]:
    """Measure making ``size`` mailboxes, finding nothing to do on the whole node, and making one more."""
    made(where, size=size, n=1)
    looks = tuple(_look(where) for _ in range(n))
    return [
        made(where, size=size, n=n),
        Figure(f"panel: {size}, again, nothing to do", looks, note="the whole node looked through"),
        Figure(f"panel: {size}, one more", tuple(_made(where, 1) for _ in range(n))),
    ]


def made(where: Place, *, size: int, n: int) -> Figure:
    """Measure making ``size`` mailboxes, ``n`` times."""
    return Figure(f"panel: {size}, made and seen", tuple(_made(where, size) for _ in range(n)))


def _made(where: Place, size: int) -> float:
    orders = [_order(where) for _ in range(size)]
    begun = time.perf_counter()
    if size == 1:
        mailbox = where.api.post("/mailboxes", orders[0], wait=30)
        if mailbox["state"] != "active":
            raise ApiFailed(f"{mailbox['address']} is {mailbox['state']}: {mailbox.get('problem')}")
    else:
        where.api.post("/mailboxes/batch", {"mailboxes": orders})
        for state in ("queued", "running"):
            await_no_more(where.api, f"/jobs?state={state}&page_size=1", seconds=_SECONDS)
    return time.perf_counter() - begun


def _look(where: Place) -> float:
    (node,) = where.api.get("/nodes")["items"]
    begun = time.perf_counter()
    job = where.api.post(f"/nodes/{node['id']}/drift", {})["id"]
    end = begun + _SECONDS
    while (found := where.api.get(f"/jobs/{job}"))["state"] in ("queued", "running"):
        if time.perf_counter() > end:
            raise ApiFailed("the look did not end")
        time.sleep(_STEP_SECONDS)
    if found["state"] != "done":
        raise ApiFailed(f"the look ended as {found['state']}: {found['log']}")
    return time.perf_counter() - begun


def _order(where: Place) -> dict[str, Any]:
    address = f"peers-{secrets.token_hex(6)}@{DOMAIN}"
    return {"member_id": where.member_id, "address": address, "quota_mb": 100}
