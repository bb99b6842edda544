"""A transport on which an agent runs: frames out, frames in, each exchange before its own deadline."""

from __future__ import annotations

import contextlib
import io
from typing import Any, BinaryIO, cast

import paramiko

from provisioning import wire
from provisioning.ssh.errors import OutcomeUnknown, Unreachable
from provisioning.ssh.transport import as_unreachable, seconds_left, words_of

_CHUNK_BYTES = 65_536
_STDERR_KEPT = 2_000
# How often a waiting exchange looks at stderr: full, it would stop the agent.
_LOOK_SECONDS = 1.0


class Link:
    """A running agent that has said hello. After any error it is of no more use and must be closed.

    Opening raises Unreachable, with what the node wrote to stderr, if no agent answers.
    """

    def __init__(self, transport: paramiko.Transport, address: str, deadline: float) -> None:
        self._transport = transport
        self._address = address
        self._stderr = b""
        with as_unreachable(address):
            self._channel = transport.open_session(timeout=seconds_left(deadline))
            self._channel.settimeout(seconds_left(deadline))
            # The node ignores the command: its sshd and sudo know the only one there is.
            self._channel.exec_command(b"serve")
        self._greet(deadline)

    def usable(self) -> bool:
        """Whether nothing tells that the link or the agent is gone; a silent loss shows only in an exchange."""
        channel = self._channel
        gone = channel.closed or channel.eof_received or channel.exit_status_ready()
        return self._transport.is_active() and not gone

    def exchange(self, message: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Send a frame and return the one that answers it. Raises OutcomeUnknown."""
        frame = wire.encode(message)
        try:
            self._send(frame, deadline)
            return wire.read_frame(cast("BinaryIO", _Incoming(self, deadline)))
        except (OSError, EOFError, wire.WireError, paramiko.SSHException) as error:
            raise OutcomeUnknown(f"{self._address}: {words_of(error)}{self._last_words()}") from error

    def receive(self, size: int, deadline: float) -> bytes:
        """Return up to ``size`` bytes of what the agent says, none at its end. Raises TimeoutError."""
        while True:
            self._drain_stderr()
            self._channel.settimeout(min(_LOOK_SECONDS, seconds_left(deadline)))
            with contextlib.suppress(TimeoutError):
                return self._channel.recv(size)

    def close(self) -> None:
        """End the agent and the transport."""
        self._transport.close()

    def _greet(self, deadline: float) -> None:
        try:
            reply = self.exchange({"op": "hello"}, deadline)
        except OutcomeUnknown as error:
            raise Unreachable(str(error)) from error
        if not reply.get("ok") or reply.get("protocol") != wire.PROTOCOL:
            raise Unreachable(f"{self._address}: its agent does not speak protocol {wire.PROTOCOL}, enrol it again")

    def _send(self, frame: bytes, deadline: float) -> None:
        rest = memoryview(frame)
        while rest:
            self._channel.settimeout(seconds_left(deadline))
            rest = rest[self._channel.send(bytes(rest[:_CHUNK_BYTES])) :]

    def _drain_stderr(self) -> None:
        while self._channel.recv_stderr_ready() and (words := self._channel.recv_stderr(_CHUNK_BYTES)):
            self._stderr = (self._stderr + words)[-_STDERR_KEPT:]

    def _last_words(self) -> str:
        self._drain_stderr()
        words = self._stderr.decode(errors="replace").strip()
        return f" ({words})" if words else ""


class _Incoming(io.RawIOBase):
    """What `wire.read_frame` reads from: a link with one deadline for the whole frame."""

    def __init__(self, link: Link, deadline: float) -> None:
        super().__init__()
        self._link = link
        self._deadline = deadline

    def read(self, size: int = -1) -> bytes:
        """Read as much as has come, at most ``size``."""
        return self._link.receive(min(size, _CHUNK_BYTES), self._deadline)
