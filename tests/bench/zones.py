"""Zones on a primary and a secondary: many from one batch, one record among them all, and a look for drift."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from panel.cli.running import RunningPanel
from provisioning.lab import WHOLE_FLEET
from provisioning.probes.dns import Ask, Server, look
from provisioning.record_sets import RecordSet
from tests.bench.api import ApiFailed, await_no_more
from tests.bench.figures import Figure, Line
from tests.bench.mailboxes import Place, place
from tests.bench.recovery import drift
from tests.panels import fresh_panel

SOME = 1_000
SOME_SECONDS_MAX = {False: 15.0, True: 25.0}
MANY_SECONDS_MAX = {False: 120.0, True: 300.0}
"""For a thousand and for ten thousand, unsigned and signed."""
RECORD_MEDIAN_MAX, DRIFT_SECONDS_MAX = 0.300, 3.0
WARM_UP = 3
FILL_SECONDS = 1_800.0
_PRIMARY, _SECONDARY = "dns_primary", "dns_secondary"


def zones(*, n: int, some: int = SOME, many: int, progress: Callable[[str], None]) -> list[Line]:
    """Measure on a panel with name servers of its own: ``some`` zones, then ``many`` (0: none), each way."""
    with fresh_panel("bench-dns", fleet=WHOLE_FLEET, progress=progress) as panel:
        where, servers = place(panel.facts), _servers(panel)
        figures: list[Line] = [
            _fill(where, servers, some, dnssec=dnssec, seconds_max=SOME_SECONDS_MAX[dnssec], progress=progress)
            for dnssec in (False, True)
        ]
        there = 2 * some
        for dnssec in (False, True) if many else ():
            seconds_max = MANY_SECONDS_MAX[dnssec]
            figures.append(_fill(where, servers, many, dnssec=dnssec, seconds_max=seconds_max, progress=progress))
            there += many
            if not dnssec:
                figures += _among(where, servers, there, n=n)
        return figures if many else [*figures, *_among(where, servers, there, n=n)]


def _among(where: Place, servers: Sequence[Server], there: int, *, n: int) -> list[Line]:
    """What one change, and a look at all of them, cost among ``there`` zones."""
    looks = drift(where, name=f"a look for drift among {there:,} zones", role=_PRIMARY, seconds_max=DRIFT_SECONDS_MAX)
    return [*(_one_record(where, servers, there, n=n, dnssec=dnssec) for dnssec in (False, True)), looks]


def _fill(
    where: Place,
    servers: Sequence[Server],
    count: int,
    *,
    dnssec: bool,
    seconds_max: float,
    progress: Callable[[str], None],
) -> Figure:
    """Ask for ``count`` zones in one batch, and wait until the panel saw them all; then ask all servers ourselves."""
    run = secrets.token_hex(3)
    names = [f"bench-{run}-{number}.example" for number in range(count)]
    wanted = [{"name": name, "member_id": where.member_id, "dnssec": {"enabled": dnssec}} for name in names]
    begun = time.monotonic()
    where.api.post("/zones/batch", {"zones": wanted, "accept_warnings": True})
    asked = time.monotonic() - begun
    for state in ("queued", "running"):
        await_no_more(where.api, f"/jobs?state={state}&page_size=1", seconds=FILL_SECONDS)
    took = time.monotonic() - begun
    kind = "signed" if dnssec else "unsigned"
    progress(f"{count:,} {kind} zones are asked for after {asked:.1f} s, there after {took:.1f} s")
    _require_served(where, servers, [Ask(name, signed=dnssec) for name in names])
    name = f"{count:,} {kind} zones in one batch: POST to all seen"
    return Figure(name, (took,), seconds_max, note=f"POST {asked:.1f} s; all asked again of both servers")


def _require_served(where: Place, servers: Sequence[Server], asks: Sequence[Ask]) -> None:
    """Go on only if each zone is active, and answered by all servers when we ask."""
    settled = where.api.get("/zones?state=active&page_size=1")["total"]
    seen = look(servers, asks, until=0.0)
    bad = [f"{name}: {one.words}" for name, one in seen.items() if not one.ok]
    if bad or (settled < len(asks) and settled < 1_000):  # lists count up to a thousand
        raise ApiFailed(f"{len(bad)} zones are not answered, {settled} are active: {bad[:3]}")


def _one_record(where: Place, servers: Sequence[Server], there: int, *, n: int, dnssec: bool) -> Figure:
    """Change one record ``n`` times: from the request to the answer that all servers have it."""
    rows = where.api.get(f"/zones?dnssec={str(dnssec).lower()}&page_size=1")["items"]
    samples = [_change(where, servers, rows[0], number) for number in range(WARM_UP + n)][WARM_UP:]
    kind = "signed" if dnssec else "unsigned"
    return Figure(f"one record of a {kind} zone among {there:,}: PUT to both", tuple(samples), RECORD_MEDIAN_MAX)


def _change(where: Place, servers: Sequence[Server], zone: dict[str, Any], number: int) -> float:
    address = f"192.0.2.{number % 250 + 1}"
    begun = time.perf_counter()
    path = f"/zones/{zone['id']}/rrsets/www/A"
    done = where.api.put(path, {"ttl": 300, "values": [address], "accept_warnings": True}, wait=10)
    took = time.perf_counter() - begun
    ask = Ask(zone["name"], sets=(RecordSet("www", "A", 300, (address,)),))
    if done["state"] != "active" or not look(servers, [ask], until=0.0)[zone["name"]].ok:
        raise ApiFailed(f"{zone['name']} is {done['state']}: {done.get('problem')}")
    return took


def _servers(panel: RunningPanel) -> list[Server]:
    nodes = panel.facts["nodes"]
    return [Server(one["name"], one["ip"]) for role in (_PRIMARY, _SECONDARY) for one in nodes if role in one["roles"]]
