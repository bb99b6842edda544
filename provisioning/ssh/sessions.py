"""Warm sessions with agents, one for each node, opened when first needed and again after a loss."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from provisioning.ssh.errors import AgentError, AgentTooOld, Unreachable
from provisioning.ssh.link import Link
from provisioning.ssh.transport import CONNECT_SECONDS, HostKey, open_transport

AGENT_USER = "cis-agent"


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
        self._link: Link | None = None

    @property
    def protocol(self) -> int | None:
        """The version spoken with the agent that runs now; None while none does."""
        link = self._link
        return link.protocol if link else None

    def request(self, message: dict[str, Any], timeout: float, *, since: int = 1) -> dict[str, Any]:
        """Send one request and return the agent's reply, within ``timeout`` seconds (waiting for a turn included).

        ``since`` is the version of the protocol that has this request: an agent of before is asked nothing. Raises
        AgentError, AgentTooOld, AgentTooNew, Unreachable, HostKeyChanged, Refused, KeyUnusable, OutcomeUnknown.
        """
        deadline = time.monotonic() + timeout
        if not self._turn.acquire(timeout=timeout):
            raise Unreachable(f"{self._address}: still busy with another request")
        try:
            reply = self._exchange(message, deadline, since)
        finally:
            self._turn.release()
        if not reply.get("ok"):
            told = {name: str(reply.get(name) or "") for name in ("error", "message", "what")}
            raise AgentError(told["error"] or "internal", told["message"], what=told["what"])
        return reply

    def close(self) -> None:
        """End the session; the next request would open another."""
        with self._turn:
            self._throw_away()

    def _exchange(self, message: dict[str, Any], deadline: float, since: int) -> dict[str, Any]:
        link = self._warm_link(deadline)
        if link.protocol < since:
            raise AgentTooOld(f"{self._address}: {message.get('op')!r} needs protocol {since}, its agent speaks older")
        try:
            return link.exchange(message, deadline)
        except BaseException:
            self._throw_away()
            raise

    def _warm_link(self, deadline: float) -> Link:
        if self._link and not self._link.usable():
            self._throw_away()
        if not self._link:
            self._link = self._open_link(min(deadline, time.monotonic() + self._connect_timeout))
        return self._link

    def _open_link(self, deadline: float) -> Link:
        transport = open_transport(
            self._address,
            self._port,
            user=AGENT_USER,
            host_key=self._host_key,
            key_path=self._key_path,
            timeout=deadline - time.monotonic(),
        )
        try:
            return Link(transport, self._address, deadline)
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
        """Return the session with this node; a node whose pinned key was changed gets a new one."""
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
