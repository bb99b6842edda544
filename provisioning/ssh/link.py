"""A transport on which an agent runs: frames out, frames in, each exchange before its own deadline."""

from __future__ import annotations

import contextlib
import io
from typing import Any, BinaryIO, cast

import paramiko

from provisioning import wire
from provisioning.ssh.errors import AgentTooNew, AgentTooOld, OutcomeUnknown, Unreachable
from provisioning.ssh.transport import as_unreachable, seconds_left, words_of

_CHUNK_BYTES = 65_536
_STDERR_KEPT = 2_000
# How often a waiting exchange looks at stderr: full, it would stop the agent.
_LOOK_SECONDS = 1.0


class Link:
    """A running agent that has said hello. After any error it is of no more use and must be closed.

    ``protocol`` is the version both ends speak. Opening raises Unreachable, with what the node wrote to stderr, if no
    agent answers, and AgentTooOld or AgentTooNew if there is no such version.
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
        self.protocol = self._greet(deadline)

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

    def _greet(self, deadline: float) -> int:
        try:
            reply = self.exchange({"op": "hello", "protocols": list(wire.PROTOCOLS)}, deadline)
        except OutcomeUnknown as error:
            raise Unreachable(str(error)) from error
        spoken = _versions(reply)
        if not reply.get("ok") and not spoken:
            raise Unreachable(f"{self._address}: its agent said no to a greeting{self._last_words()}")
        protocol = reply.get("protocol")
        if reply.get("ok") and type(protocol) is int and protocol in wire.PROTOCOLS:
            return protocol
        wrong = AgentTooNew if min(spoken, default=0) > wire.PROTOCOLS[-1] else AgentTooOld
        ours, theirs = (", ".join(map(str, versions)) or "none" for versions in (wire.PROTOCOLS, spoken))
        raise wrong(f"{self._address}: its agent speaks protocol {theirs}, this panel {ours}")

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


def _versions(hello: dict[str, Any]) -> list[int]:
    """The versions an agent says it speaks; one of before version 2 names only the one in use."""
    said = hello.get("protocols", [hello.get("protocol")])
    return sorted(version for version in said if type(version) is int) if isinstance(said, list) else []
