"""A program that uses the panel's API over one kept connection, and a mailbox's holder who signs in."""

from __future__ import annotations

import http.client
import imaplib
import json
import select
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

REQUEST_SECONDS = 120.0
LOGIN_SECONDS = 20.0


class ApiFailed(Exception):
    """The panel answered something else than a measurement can use; the text is its answer."""


class Api:
    """The API of a running panel, with a bearer token, over one warm connection."""

    def __init__(self, url: str, token: str) -> None:
        host = urlsplit(url)
        self._connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=REQUEST_SECONDS)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> dict[str, Any]:
        """Read one page or resource."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: dict[str, Any], *, wait: int | None = None) -> dict[str, Any]:
        """Write, and with ``wait`` let the answer come when the resource is active or failed."""
        return self._ask("POST", path, body, {} if wait is None else {"Prefer": f"wait={wait}"})

    def put(self, path: str, body: dict[str, Any], *, wait: int | None = None) -> dict[str, Any]:
        """Have something be exactly so, and with ``wait`` let the answer come when it is active or failed."""
        return self._ask("PUT", path, body, {} if wait is None else {"Prefer": f"wait={wait}"})

    def delete(self, path: str, *, wait: int | None = None) -> dict[str, Any]:
        """Remove, and with ``wait`` let the answer come when it is done."""
        return self._ask("DELETE", path, None, {} if wait is None else {"Prefer": f"wait={wait}"})

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None, extra: dict[str, str]) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        self._part_with_the_closed()
        try:
            answer = self._send(method, path, data, extra)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A server may close a connection that was idle just as the next request leaves (RFC 9112 9.5).
            if method != "GET":
                raise
            answer = self._send(method, path, data, extra)
        content = answer.read()
        if answer.status >= 300:
            raise ApiFailed(f"{method} {path}: {answer.status} {content.decode(errors='replace')[:500]}")
        return dict(json.loads(content))

    def _part_with_the_closed(self) -> None:
        """A server lets an idle connection go; a write on it would be lost, and must not be sent twice."""
        if self._connection.sock is not None and select.select([self._connection.sock], [], [], 0)[0]:
            self._connection.close()

    def _send(self, method: str, path: str, data: bytes | None, extra: dict[str, str]) -> http.client.HTTPResponse:
        self._connection.request(method, f"/api/v1{path}", data, self._headers | extra)
        return self._connection.getresponse()


def imap_login(address: str, *, node: str, password: str) -> None:
    """Sign in over IMAPS as a mail program does the first time: new connection, full TLS handshake."""
    # The lab's node has a certificate of its own making; that probes verify it is tested elsewhere.
    context = ssl._create_unverified_context()  # noqa: S323 - see above
    with imaplib.IMAP4_SSL(node, 993, ssl_context=context, timeout=LOGIN_SECONDS) as session:
        session.login(address, password)


def await_no_more(api: Api, path: str, *, seconds: float) -> None:
    """Wait until the list at ``path`` is empty. Raises ApiFailed when time is up."""
    end = time.monotonic() + seconds
    while api.get(path)["total"]:
        if time.monotonic() > end:
            raise ApiFailed(f"{path} is not empty after {seconds:.0f} s")
        time.sleep(0.5)
