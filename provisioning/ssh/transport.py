"""An SSH transport to a host whose key is known: connected, compared, signed in, all before a deadline."""

from __future__ import annotations

import base64
import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko

from provisioning.ssh.errors import HostKeyChanged, KeyUnusable, Refused, Unreachable

CONNECT_SECONDS = 10.0
_FAST_CIPHER = "aes128-gcm@openssh.com"
_KEEPALIVE_SECONDS = 15
_WINDOW_BYTES = 4 * 1024 * 1024
# How long what was sent may stay unacknowledged before the kernel calls the link dead; tcp(7).
_UNACKNOWLEDGED_MS = 15_000


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
    """Connect, compare the host's key with the pinned one, and sign in, within ``timeout`` seconds in all.

    Raises Unreachable, HostKeyChanged, Refused, KeyUnusable.
    """
    deadline = time.monotonic() + timeout
    key = _read_key(key_path)
    transport = _handshake(address, port, deadline, host_key.type)
    try:
        _require_key(transport, host_key, address)
        _sign_in(transport, user, key, address, deadline)
    except BaseException:
        transport.close()
        raise
    return transport


def scan_host_key(address: str, port: int, *, timeout: float = CONNECT_SECONDS) -> HostKey:
    """Return the key a host shows now, unproven: a person must compare its fingerprint. Raises Unreachable."""
    transport = _handshake(address, port, time.monotonic() + timeout, None)
    try:
        key = transport.get_remote_server_key()
        return HostKey(key.get_name(), key.get_base64())
    finally:
        transport.close()


def seconds_left(deadline: float) -> float:
    """How long until ``deadline`` (monotonic). Raises TimeoutError when it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


@contextmanager
def as_unreachable(address: str) -> Iterator[None]:
    """Turn what a broken or silent link raises into Unreachable."""
    try:
        yield
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise Unreachable(f"{address}: {words_of(error)}") from error


def words_of(error: BaseException) -> str:
    """What an error says, or its name where it says nothing."""
    return str(error) or type(error).__name__


def _read_key(path: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, ValueError, paramiko.SSHException) as error:
        # The library's words might quote the file.
        raise KeyUnusable(f"{path} cannot be read as a private key ({type(error).__name__})") from error


def _handshake(address: str, port: int, deadline: float, key_type: str | None) -> paramiko.Transport:
    with as_unreachable(address):
        link = socket.create_connection((address, port), timeout=seconds_left(deadline))
        _tune(link)
        transport = paramiko.Transport(link, default_window_size=_WINDOW_BYTES)
        _prefer(transport, key_type)
        transport.banner_timeout = seconds_left(deadline)
        try:
            _start(transport, seconds_left(deadline))
        except BaseException:
            transport.close()
            raise
    transport.set_keepalive(_KEEPALIVE_SECONDS)
    return transport


def _start(transport: paramiko.Transport, timeout: float) -> None:
    transport.start_client(timeout=timeout)
    # The library returns in silence when the time is up.
    if not transport.initial_kex_done:
        raise TimeoutError("no SSH server answered in time")


def _prefer(transport: paramiko.Transport, key_type: str | None) -> None:
    options = transport.get_security_options()
    options.ciphers = (_FAST_CIPHER, *(name for name in options.ciphers if name != _FAST_CIPHER))
    if key_type:
        # RFC 8332: an ssh-rsa key signs under names of its own.
        options.key_types = ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)


def _tune(link: socket.socket) -> None:
    # Without TCP_NODELAY each exchange waits 40 ms for the other side's acknowledgement.
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)


def _require_key(transport: paramiko.Transport, pinned: HostKey, address: str) -> None:
    shown = transport.get_remote_server_key()
    if (shown.get_name(), shown.get_base64()) != (pinned.type, pinned.base64):
        raise HostKeyChanged(f"{address} shows another host key than the one that was accepted for it")


def _sign_in(transport: paramiko.Transport, user: str, key: paramiko.PKey, address: str, deadline: float) -> None:
    with as_unreachable(address):
        transport.auth_timeout = seconds_left(deadline)
        try:
            transport.auth_publickey(user, key)
        except paramiko.AuthenticationException as error:
            # The library calls a lost link and a silent one failed authentications too.
            if not transport.is_active():
                raise
            seconds_left(deadline)
            raise Refused(f"{address} does not accept the key for {user}") from error
