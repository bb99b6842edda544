"""Sessions with agents over SSH: the only door to paramiko.

A session is one warm transport on which one agent runs and answers requests in order. What comes out of here is a
reply or one of the errors below, always within the caller's deadline: paramiko itself may wait for ever on a cut
link, so every wait in this module is its own.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import paramiko

from provisioning import wire

AGENT_USER = "cis-agent"
CONNECT_SECONDS = 10.0
_FAST_CIPHER = "aes128-gcm@openssh.com"
_KEEPALIVE_SECONDS = 15
_WINDOW_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 65_536
_STDERR_KEPT = 2_000
# How long what was sent may stay unacknowledged before the kernel calls the link dead; tcp(7).
_UNACKNOWLEDGED_MS = 15_000


class SshError(Exception):
    """A node could not be spoken with."""


class Unreachable(SshError):
    """No agent answered; nothing was asked of the node, so trying again is safe."""


class HostKeyChanged(SshError):
    """Another key than the pinned one: another machine, or one in between. Not to be tried again by itself."""


class Refused(SshError):
    """The node does not take this key, from here, for this user."""


class OutcomeUnknown(SshError):
    """The link was lost, or time ran out, after the request had begun to leave: read back before asking again."""


class AgentError(SshError):
    """The agent answered that it did nothing, and why: ``code`` as in `wire.ReplyError`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class HostKey:
    """A node's public key: its SSH type and its base64 form."""

    type: str
    base64: str

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it: what the operator compares."""
        digest = hashlib.sha256(base64.b64decode(self.base64)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def open_transport(
    address: str, port: int, *, user: str, host_key: HostKey, key_path: Path, timeout: float = CONNECT_SECONDS
) -> paramiko.Transport:
    """Connect, compare the host's key with the pinned one, and sign in. Raises Unreachable, HostKeyChanged, Refused."""
    transport = _handshake(address, port, timeout, host_key.type)
    try:
        _require_key(transport, host_key, address)
        _sign_in(transport, user, key_path, address)
    except BaseException:
        transport.close()
        raise
    return transport


def scan_host_key(address: str, port: int, *, timeout: float = CONNECT_SECONDS) -> HostKey:
    """The key a host shows now, unproven: a person must compare its fingerprint. Raises Unreachable."""
    transport = _handshake(address, port, timeout, None)
    try:
        key = transport.get_remote_server_key()
        return HostKey(key.get_name(), key.get_base64())
    finally:
        transport.close()


class AgentSession:
    """One agent on one node, connected at the first request and again after a loss.

    Thread-safe: requests of several threads take turns. After any error but AgentError the connection is thrown
    away, since what would come out of it next is anybody's guess.
    """

    def __init__(
        self, address: str, port: int, host_key: HostKey, key_path: Path, *, connect_timeout: float = CONNECT_SECONDS
    ) -> None:
        self._address = address
        self._port = port
        self._host_key = host_key
        self._key_path = key_path
        self._connect_timeout = connect_timeout
        self._turn = threading.Lock()
        self._link: _Link | None = None

    def request(self, message: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Send one request and return the agent's reply, within ``timeout`` seconds (waiting for a turn included).

        Raises AgentError, Unreachable, HostKeyChanged, Refused, OutcomeUnknown.
        """
        deadline = time.monotonic() + timeout
        if not self._turn.acquire(timeout=timeout):
            raise Unreachable(f"{self._address}: still busy with another request")
        try:
            reply = self._exchange(message, deadline)
        finally:
            self._turn.release()
        if not reply.get("ok"):
            raise AgentError(str(reply.get("error", "internal")), str(reply.get("message", "")))
        return reply

    def close(self) -> None:
        """End the session; the next request would open another."""
        with self._turn:
            self._throw_away()

    def _exchange(self, message: dict[str, Any], deadline: float) -> dict[str, Any]:
        link = self._warm_link(deadline)
        try:
            return link.exchange(message, deadline)
        except BaseException:
            self._throw_away()
            raise

    def _warm_link(self, deadline: float) -> _Link:
        if self._link and not self._link.usable():
            self._throw_away()
        if not self._link:
            self._link = self._open_link(min(self._connect_timeout, deadline - time.monotonic()))
        return self._link

    def _open_link(self, timeout: float) -> _Link:
        deadline = time.monotonic() + timeout
        transport = open_transport(
            self._address,
            self._port,
            user=AGENT_USER,
            host_key=self._host_key,
            key_path=self._key_path,
            timeout=timeout,
        )
        try:
            return _Link(transport, self._address, deadline)
        except BaseException:
            transport.close()
            raise

    def _throw_away(self) -> None:
        if self._link:
            self._link.close()
            self._link = None


class Sessions:
    """The warm sessions of one process: one for each node, all with the panel's own key."""

    def __init__(self, key_path: Path, *, connect_timeout: float = CONNECT_SECONDS) -> None:
        self._key_path = key_path
        self._connect_timeout = connect_timeout
        self._guard = threading.Lock()
        self._sessions: dict[tuple[str, int, HostKey], AgentSession] = {}

    def get(self, address: str, port: int, host_key: HostKey) -> AgentSession:
        """The session with this node; a node whose pinned key was changed gets a new one."""
        place = (address, port, host_key)
        with self._guard:
            if place not in self._sessions:
                self._sessions[place] = AgentSession(
                    address, port, host_key, self._key_path, connect_timeout=self._connect_timeout
                )
            return self._sessions[place]

    def close(self) -> None:
        """End all sessions."""
        with self._guard:
            sessions = list(self._sessions.values())
            self._sessions.clear()
        for session in sessions:
            session.close()


class _Link:
    """A transport with a running agent that has said hello."""

    def __init__(self, transport: paramiko.Transport, address: str, deadline: float) -> None:
        self._transport = transport
        self._address = address
        with _as_unreachable(address):
            self._channel = transport.open_session(timeout=_left(deadline))
            # The node ignores the command: its sshd and sudo know the only one there is.
            self._channel.exec_command(b"serve")
        self._stderr = b""
        self._greet(deadline)

    def usable(self) -> bool:
        """Whether nothing tells that the link or the agent is gone; a silent loss shows only in the exchange."""
        gone = self._channel.closed or self._channel.eof_received or self._channel.exit_status_ready()
        return self._transport.is_active() and not gone

    def exchange(self, message: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Send a frame and wait for the next one. Raises OutcomeUnknown."""
        frame = wire.encode(message)
        try:
            self._send(frame, deadline)
            return wire.read_frame(cast("BinaryIO", _Stream(self, deadline)))
        except (TimeoutError, OSError, EOFError, wire.WireError, paramiko.SSHException) as error:
            raise OutcomeUnknown(f"{self._address}: {_words(error)}{self._last_words()}") from error

    def receive(self, size: int, deadline: float) -> bytes:
        """Up to ``size`` bytes of what the agent says; empty at its end. Raises TimeoutError."""
        while True:
            self._drain_stderr()
            self._channel.settimeout(min(1.0, _left(deadline)))
            with contextlib.suppress(TimeoutError):
                return self._channel.recv(size)

    def close(self) -> None:
        self._transport.close()

    def _greet(self, deadline: float) -> None:
        try:
            reply = self.exchange({"op": "hello"}, deadline)
        except OutcomeUnknown as error:
            raise Unreachable(str(error)) from error
        if not reply.get("ok") or reply.get("protocol") != wire.PROTOCOL:
            raise Unreachable(f"{self._address}: its agent does not speak protocol {wire.PROTOCOL}, enrol it again")

    def _send(self, frame: bytes, deadline: float) -> None:
        view = memoryview(frame)
        while view:
            self._channel.settimeout(_left(deadline))
            view = view[self._channel.send(bytes(view[:_CHUNK_BYTES])) :]

    def _drain_stderr(self) -> None:
        while self._channel.recv_stderr_ready() and (words := self._channel.recv_stderr(_CHUNK_BYTES)):
            self._stderr = (self._stderr + words)[-_STDERR_KEPT:]

    def _last_words(self) -> str:
        self._drain_stderr()
        words = self._stderr.decode(errors="replace").strip()
        return f" ({words})" if words else ""


class _Stream(io.RawIOBase):
    """What `wire.read_frame` reads from: a link with one deadline for the whole frame."""

    def __init__(self, link: _Link, deadline: float) -> None:
        super().__init__()
        self._link = link
        self._deadline = deadline

    def read(self, size: int = -1) -> bytes:
        return self._link.receive(min(size, _CHUNK_BYTES), self._deadline)


def _handshake(address: str, port: int, timeout: float, key_type: str | None) -> paramiko.Transport:
    with _as_unreachable(address):
        link = socket.create_connection((address, port), timeout=timeout)
        _tune(link)
        transport = paramiko.Transport(link, default_window_size=_WINDOW_BYTES)
        options = transport.get_security_options()
        options.ciphers = (_FAST_CIPHER, *(name for name in options.ciphers if name != _FAST_CIPHER))
        if key_type:
            options.key_types = _names_for(key_type)
        transport.banner_timeout = transport.auth_timeout = timeout
        try:
            transport.start_client(timeout=timeout)
        except BaseException:
            transport.close()
            raise
    transport.set_keepalive(_KEEPALIVE_SECONDS)
    return transport


def _names_for(key_type: str) -> tuple[str, ...]:
    # RFC 8332: an ssh-rsa key signs under names of its own.
    return ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)


def _tune(link: socket.socket) -> None:
    # Without TCP_NODELAY each exchange waits 40 ms for the other side's acknowledgement.
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)


def _require_key(transport: paramiko.Transport, pinned: HostKey, address: str) -> None:
    shown = transport.get_remote_server_key()
    if (shown.get_name(), shown.get_base64()) != (pinned.type, pinned.base64):
        raise HostKeyChanged(f"{address} shows another host key than the one that was accepted for it")


def _sign_in(transport: paramiko.Transport, user: str, key_path: Path, address: str) -> None:
    with _as_unreachable(address):
        key = paramiko.PKey.from_path(key_path)
        try:
            transport.auth_publickey(user, key)
        except paramiko.AuthenticationException as error:
            raise Refused(f"{address} does not accept the key for {user}") from error


@contextmanager
def _as_unreachable(address: str) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise Unreachable(f"{address}: {_words(error)}") from error


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
