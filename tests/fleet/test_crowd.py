"""Two hundred programs at once at the web server as it is shipped, over SQLite: each is answered, nothing is lost."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from panel.cli.running import RunningPanel
from tests.bench.api import Api

CLIENTS, SAME = 200, 5
"""How many there are, and how many of them send the same request under the same key."""

SECONDS = 120.0
TOLD, BUSY = {200, 201, 202}, {429, 503}


@dataclass
class Client:
    """A program with a connection of its own, which asks again when it is told to."""

    url: str
    token: str
    seen: list[tuple[str, int, str]] = field(default_factory=list)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> dict[str, Any]:
        """Send a request until it is answered for good; what came on the way is kept in ``seen``."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            status, wait, answer = self._send(method, path, body, key)
            code = answer.get("code", "")
            self.seen.append((method, status, code))
            if status in TOLD:
                return answer
            assert status in BUSY or (status, code) == (409, "in_flight"), (status, answer)
            assert status not in BUSY or int(wait) >= 1, "a busy panel says when to come again"
            time.sleep(0.1 if status == 409 else float(wait))
        raise AssertionError(f"{method} {path} was not answered: {self.seen[-5:]}")

    def _send(self, method: str, path: str, body: dict[str, Any] | None, key: str) -> tuple[int, str, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
        try:
            connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Retry-After", "0"), json.loads(answer.read())
        finally:
            connection.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_megabytes_are_refused_and_nobody_else_notices(running_panel: RunningPanel, *, chunked: bool) -> None:
    url, token = running_panel.facts["panel_url"], running_panel.facts["api_token"]
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 80), timeout=SECONDS) as connection:
        length = "Transfer-Encoding: chunked" if chunked else "Content-Length: 100000000"
        head = f"POST /api/v1/mailboxes HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {token}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\n{length}\r\n\r\n".encode())
        part = b"f4240\r\n" + bytes(1_000_000) + b"\r\n" if chunked else bytes(1_000_000)
        with suppress(BrokenPipeError, ConnectionResetError):  # it is refused before it is read
            for _number in range(100):
                connection.sendall(part)
            connection.sendall(b"0\r\n\r\n" if chunked else b"")
        with suppress(ConnectionResetError):
            assert connection.recv(12) in {b"HTTP/1.1 413", b""}
    api = Api(url, token)
    assert api.get("/members?page_size=1")["items"]
    api.close()


def test_two_hundred_clients_at_once_are_all_answered_and_nothing_is_lost_or_doubled(
    running_panel: RunningPanel,
) -> None:
    url, token, mark = running_panel.facts["panel_url"], running_panel.facts["api_token"], uuid.uuid4().hex[:8]
    api = Api(url, token)
    (member,) = api.get("/members?search=miasto-koscian")["items"]
    clients = [Client(url, token) for _ in range(CLIENTS)]
    start = threading.Barrier(CLIENTS)

    def work(number: int) -> str:
        client, name = clients[number], f"tlum.{mark}.{number // SAME}"
        start.wait(SECONDS)
        order = {"member_id": member["id"], "address": f"{name}@info.wokiss.pl", "quota_mb": 64}
        made = client.ask("POST", "/mailboxes", order, key=f"{mark}-{number // SAME}")
        assert client.ask("GET", f"/mailboxes/{made['id']}")["address"] == order["address"]
        if number % SAME == 0:
            client.ask("GET", "/mailboxes?page_size=20")
        return str(made["id"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        ids = list(pool.map(work, range(CLIENTS)))
    groups = [set(ids[first : first + SAME]) for first in range(0, CLIENTS, SAME)]
    assert {len(group) for group in groups} == {1}, "one key, one mailbox"
    found = api.get(f"/mailboxes?search=tlum.{mark}&page_size=200")
    assert ({one["id"] for one in found["items"]}, found["total"]) == (set(ids), CLIENTS // SAME)
    for mailbox in groups[0]:
        events = api.get(f"/events?kind=mailbox&resource_id={mailbox}&tag=mail:mailbox:create")
        assert events["total"] == 1
    answers = Counter(status for client in clients for _method, status, _code in client.seen)
    assert sum(answers[status] for status in TOLD) == 2 * CLIENTS + CLIENTS // SAME
    api.close()
