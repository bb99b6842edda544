"""From asking for one mailbox to its holder's first sign-in; alone, and among a great many of the same domain."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.api import Api, ApiFailed, await_no_more, imap_login
from tests.bench.figures import Figure

MEMBER = "miasto-koscian"
DOMAIN = "info.wokiss.pl"
WARM_UP = 3
BATCH = 10_000
FILL_SECONDS = 900.0
MEDIAN_MAX, P95_MAX, RATIO_MAX = 0.250, 0.500, 1.5


@dataclass(frozen=True)
class Place:
    """Where to measure: a panel's API, a member with room for it all, and the mail node's address."""

    api: Api
    member_id: str
    node: str


def place(facts: dict[str, Any]) -> Place:
    """Find the demo member that is granted everything in plenty."""
    api = Api(facts["panel_url"], facts["api_token"])
    (member,) = api.get(f"/members?search={MEMBER}")["items"]
    (node,) = (node["ip"] for node in facts["nodes"] if "mail" in node["roles"])
    return Place(api, member["id"], node)


def one_mailbox(where: Place, *, n: int, name: str, median_max: float | None = MEDIAN_MAX) -> list[Figure]:
    """Measure POST to active, and on to the first IMAP login, ``n`` times one after another."""
    for _ in range(WARM_UP):
        _create_and_sign_in(where)
    runs = [_create_and_sign_in(where) for _ in range(n)]
    active, signed_in = zip(*runs, strict=True)
    whole = Figure(f"{name}: POST to first IMAP login", signed_in, median_max, P95_MAX)
    return [Figure(f"{name}: POST to active", active), whole]


def fill(where: Place, *, count: int, progress: Callable[[str], None]) -> Figure:
    """Make ``count`` mailboxes in batches and wait until the node's work is done; one sample for each batch."""
    samples = []
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        begun = time.monotonic()
        order_batch(where, size)
        for state in ("queued", "running"):
            await_no_more(where.api, f"/jobs?state={state}&page_size=1", seconds=FILL_SECONDS)
        samples.append(time.monotonic() - begun)
        progress(f"{start + size} of {count} mailboxes are there ({samples[-1]:.1f} s for the last {size})")
    return Figure(
        f"a batch of {min(BATCH, count)}: POST to all seen", tuple(samples), note="seen: rcpt, message by sample"
    )


def order_batch(where: Place, size: int) -> None:
    """Ask for ``size`` mailboxes at once, and wait for nothing."""
    run = secrets.token_hex(3)
    boxes = [_order(where, f"bench-{run}-{number}") for number in range(size)]
    where.api.post("/mailboxes/batch", {"mailboxes": boxes})


def _create_and_sign_in(where: Place) -> tuple[float, float]:
    password = secrets.token_urlsafe(12)
    order = _order(where, f"bench-{secrets.token_hex(5)}") | {"password": password}
    begun = time.perf_counter()
    mailbox = where.api.post("/mailboxes", order, wait=5)
    active = time.perf_counter() - begun
    if mailbox["state"] != "active":
        raise ApiFailed(f"{order['address']} is {mailbox['state']} after 5 s: {mailbox.get('problem')}")
    imap_login(order["address"], node=where.node, password=password)
    return active, time.perf_counter() - begun


def _order(where: Place, local: str) -> dict[str, Any]:
    return {"member_id": where.member_id, "address": f"{local}@{DOMAIN}", "quota_mb": 100}
