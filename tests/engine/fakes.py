"""Stand-ins for a node and for what is seen of it, so that the engine's own rules can be tested alone.

They speak the real protocol (``provisioning.wire``); whole walks against real services are in ``tests/fleet``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from panel.engine.kinds import Wanted
from provisioning.probes.findings import Finding, Seen
from provisioning.resources import from_wire
from provisioning.ssh import AgentError, HostKey

Key = tuple[str, str]


class FakeAgent:
    """A node in memory. ``troubles`` are raised by coming requests, before or after the request took effect."""

    def __init__(self) -> None:
        self.rows: dict[Key, int] = {}
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[dict[str, Any]] = []
        self.refuse: set[str] = set()
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.fence = 0

    def get(self, _address: str, _port: int, _host_key: HostKey) -> FakeAgent:
        """The session with this node: itself."""
        return self

    def request(self, message: dict[str, Any], _timeout: float) -> dict[str, Any]:
        """Answer one request as the agent would."""
        self.requests.append(message)
        if self.before:
            raise self.before.pop(0)
        if message["op"] == "hello":
            return {"ok": True}
        if message["fence"] < self.fence:
            raise AgentError("stale_fence", "an older worker")
        self.fence = message["fence"]
        replayed = message["batch"] in self.batches
        if not replayed:
            self.batches[message["batch"]] = [self._apply(body) for body in message["items"]]
        self.meanwhile()
        if self.after:
            raise self.after.pop(0)
        return {"ok": True, "batch": message["batch"], "outcomes": self.batches[message["batch"]], "replayed": replayed}

    def _apply(self, body: dict[str, Any]) -> dict[str, Any]:
        item = from_wire(body)
        told = {"kind": item.kind, "id": item.id, "generation": item.generation, "code": "", "message": ""}
        if item.id in self.refuse:
            return told | {"outcome": "refused", "code": "daemon", "message": "the daemon's own words"}
        unchanged = self.rows.get((item.kind, item.id)) == item.generation
        self.rows[item.kind, item.id] = item.generation
        return told | {"outcome": "unchanged" if unchanged else "applied"}


class FakeLooker:
    """Sees everything, but for what ``hidden`` names."""

    def __init__(self) -> None:
        self.hidden: dict[str, Finding] = {}
        self.looks = 0
        self.watch: Mapping[str, Any] | None = None

    def prepare(self, wanted: Sequence[Wanted]) -> FakeLooker:  # noqa: ARG002 - the protocol's name
        """The look: itself."""
        return self

    def see(self, applied: Sequence[Wanted]) -> dict[Key, Finding]:
        """Look at each."""
        self.looks += 1
        return {one.key: self.hidden.get(one.item.id, Seen("message")) for one in applied}

    def close(self) -> None:
        """Nothing to let go of."""
