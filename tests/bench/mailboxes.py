"""From asking for one mailbox to its holder's first sign-in; alone, and among a great many of the same domain."""

from __future__ import annotations

import imaplib
import secrets
import smtplib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.api import Api, ApiFailed, await_no_more, imap_login
from tests.bench.figures import Figure

MEMBER = "miasto-koscian"
DOMAIN = "info.wokiss.pl"
WARM_UP = 3
BATCH = 10_000
BATCH_SECONDS_MAX, MANY_SECONDS_MAX = 15.0, 120.0
ASKED_AGAIN = 100
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


def one_mailbox(
    where: Place, *, n: int, name: str, median_max: float | None = MEDIAN_MAX, p95_max: float | None = P95_MAX
) -> list[Figure]:
    """Measure POST to active, and on to the first IMAP login, ``n`` times one after another."""
    for _ in range(WARM_UP):
        _create_and_sign_in(where)
    runs = [_create_and_sign_in(where) for _ in range(n)]
    active, signed_in = zip(*runs, strict=True)
    whole = Figure(f"{name}: POST to first IMAP login", signed_in, median_max, p95_max)
    return [Figure(f"{name}: POST to active", active), whole]


def fill(where: Place, *, count: int, seconds_max: float | None, progress: Callable[[str], None]) -> Figure:
    """Ask for ``count`` mailboxes, in batches one right after another, and wait until all of them were seen.

    Some of the last batch are then asked for again by a client of our own, which also tries to sign in, uncounted.
    """
    begun, last = time.monotonic(), []
    for start in range(0, count, BATCH):
        last = order_batch(where, min(BATCH, count - start))
    progress(f"{count} mailboxes are asked for, after {time.monotonic() - begun:.1f} s")
    for state in ("queued", "running"):
        await_no_more(where.api, f"/jobs?state={state}&page_size=1", seconds=FILL_SECONDS)
    took = time.monotonic() - begun
    progress(f"{count} mailboxes are there, after {took:.1f} s")
    asked = last[:: max(1, len(last) // ASKED_AGAIN)]
    refused = require_waiting(where.node, asked)
    name = f"{count:,} mailboxes in batches of {min(BATCH, count):,}: first POST to all seen"
    note = f"seen: rcpt, message by sample; {len(asked)} asked again: taken, {refused} logins: refused"
    return Figure(name, (took,), seconds_max, note=note)


def require_waiting(node: str, addresses: Sequence[str]) -> int:
    """Go on only if mail to all ``addresses`` is taken and nobody signs in to the first; return how many tried."""
    with smtplib.SMTP(node, 25, timeout=30) as smtp:
        smtp.ehlo()
        smtp.mail("")
        answers = {address: smtp.rcpt(address)[0] for address in addresses}
    if set(answers.values()) != {250}:
        raise ApiFailed(f"mail is not taken: {answers}")
    try:
        imap_login(addresses[0], node=node, password=secrets.token_urlsafe(12))
    except imaplib.IMAP4.error:
        return 1
    raise ApiFailed(f"{addresses[0]} waits for its activation, and lets somebody in")


def order_batch(where: Place, size: int) -> list[str]:
    """Ask for ``size`` mailboxes at once, and wait for nothing; return their addresses."""
    run = secrets.token_hex(3)
    boxes = [_order(where, f"bench-{run}-{number}") for number in range(size)]
    where.api.post("/mailboxes/batch", {"mailboxes": boxes})
    return [box["address"] for box in boxes]


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
