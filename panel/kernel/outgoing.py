"""The one door for connections that a person can aim: public addresses only, unless listed.

A name is resolved once, and what was checked is what is connected to, so that a name that changes its address between
(DNS rebinding) leads nowhere. No redirect is followed, no proxy of the environment asked.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from config import Settings

CONNECT_SECONDS, WHOLE_SECONDS = 4.0, 8.0
BYTES_MAX = 1024 * 1024
_GIVEN_OUT = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class CannotFetch(Exception):
    """What was asked for could not be had; ``why`` is one of ``refused unreachable slow large answer``."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An answer, whole."""

    status: int
    body: bytes


def fetch(
    settings: Settings,
    url: str,
    *,
    form: str | None = None,
    headers: Mapping[str, str] | None = None,
    refused: Collection[str] = (),
) -> Fetched:
    """GET ``url``, or POST ``form`` to it. ``refused``: addresses and names never connected to, like nodes.

    Only https, in the lab http too. From connecting to the last byte it has WHOLE_SECONDS. Raises CannotFetch.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname, parts.scheme == "https"
    is_plain_allowed = parts.scheme == "http" and settings.env == "lab"
    if not host or not (secure or is_plain_allowed) or parts.username is not None or host in refused:
        raise CannotFetch("refused")
    try:
        port = parts.port or (443 if secure else 80)
    except ValueError:
        raise CannotFetch("refused") from None
    address = _checked_address(settings, host, port, refused)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    until = time.monotonic() + WHOLE_SECONDS
    connection = _Connection(host, port, address, secure=secure, until=until)
    return _ask(connection, path, form, dict(headers or {}))


def connect(
    settings: Settings, host: str, port: int, *, until: float, datagrams: bool = False, refused: Collection[str] = ()
) -> socket.socket:
    """A socket connected to ``host``, by TCP or for ``datagrams``, which hears nobody else. It does not block.

    For protocols that are not HTTP (DNS); ``until`` (monotonic) is when connecting is over. Raises CannotFetch.
    """
    address = _checked_address(settings, host, port, refused)
    kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    try:
        sock.settimeout(max(0.001, min(CONNECT_SECONDS, until - time.monotonic())))
        sock.connect((address, port))
        sock.setblocking(False)
    except TimeoutError:
        sock.close()
        raise CannotFetch("slow") from None
    except OSError:
        sock.close()
        raise CannotFetch("unreachable") from None
    return sock


def is_allowed(settings: Settings, address: str, *, refused: Collection[str] = ()) -> bool:
    """Whether ``address`` may be connected to: public and not this host's, or listed in ``CIS_OUTGOING_ALLOWED``.

    None of ``refused``, however they are spelled.
    """
    found = _innermost(ipaddress.ip_address(address.partition("%")[0]))
    if str(found) in refused or str(found) in map(_spelled, refused):
        return False
    listed = [ipaddress.ip_network(part.strip()) for part in settings.outgoing_allowed.split(",") if part.strip()]
    return any(found in network for network in listed) or (_is_public(found) and not _is_own(found))


def _is_public(address: _Address) -> bool:
    """Whether it is one of the Internet's: of IPv6 that is what was given out as such (RFC 4291 2.5.4, IANA)."""
    given_out = isinstance(address, ipaddress.IPv4Address) or address in _GIVEN_OUT
    return given_out and address.is_global and not address.is_multicast


def _is_own(address: _Address) -> bool:
    """Whether it is an address of this host: what listens here may trust what comes from here. Sends nothing."""
    family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((str(address), 9))
        except OSError:
            return False  # no way there at all
        return bool(asked.getsockname()[0] == str(address))


def _spelled(host: str) -> str:
    """An address as ``ipaddress`` writes it; a name as it is."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def _checked_address(settings: Settings, host: str, port: int, refused: Collection[str]) -> str:
    """The first address of ``host``; all of them must be allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotFetch("unreachable") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(is_allowed(settings, one, refused=refused) for one in addresses):
        raise CannotFetch("refused")
    return addresses[0]


def _innermost(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, Teredo, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


class _Connection(http.client.HTTPConnection):
    """Speaks to ``address`` and to nothing else, as ``host``; over at ``until``, whatever the other side does."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool, until: float) -> None:
        super().__init__(host, port)
        self._address, self._secure, self._until = address, secure, until
        self.default_port = 443 if secure else 80
        self._link: _Link | None = None

    def connect(self) -> None:
        """Open the link; a handshake has what is left of the time as a whole."""
        sock: Any = socket.create_connection((self._address, self.port), timeout=CONNECT_SECONDS)
        self.sock = self._link = _Link(sock, self._until)
        if self._secure:
            sock.settimeout(self._link.left())
            self._link.sock = ssl.create_default_context().wrap_socket(sock, server_hostname=self.host)

    def hang_up(self) -> None:
        """Close the link, also where an answer was left half read."""
        self.close()
        if self._link is not None:
            self._link.sock.close()


class _Link(io.RawIOBase):
    """A socket as ``http.client`` uses one. Every send and read has only what is left of the whole time.

    The time-out of a socket bounds each read alone: a line sent byte by byte could last for ever.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        super().__init__()
        self.sock, self._until = sock, until

    def left(self) -> float:
        """Seconds until it is over. Raises TimeoutError once it is."""
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.sock.settimeout(self.left())
        self.sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What the answer is read from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come."""
        self.sock.settimeout(self.left())
        return self.sock.recv_into(buffer)

    def close(self) -> None:
        """Nothing: the connection lets go of it before the answer is read; ``hang_up`` closes the socket."""


def _ask(connection: _Connection, path: str, form: str | None, headers: dict[str, str]) -> Fetched:
    if form is not None:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | headers
    try:
        connection.request("GET" if form is None else "POST", path, body=form, headers=headers)
        answer = connection.getresponse()
        return Fetched(status=answer.status, body=_read(answer))
    except TimeoutError:
        raise CannotFetch("slow") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise CannotFetch("unreachable") from None
    finally:
        connection.hang_up()


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The body, no longer than allowed."""
    body = bytearray()
    while chunk := answer.read1(16 * 1024):
        body += chunk
        if len(body) > BYTES_MAX:
            raise CannotFetch("large")
    return bytes(body)
