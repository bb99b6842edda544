"""Stand-ins for a node and for what is seen of it, so that the engine's own rules can be tested alone.

They speak the real protocol (``provisioning.wire``); whole walks against real services are in ``tests/fleet``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from panel.engine.kinds import Wanted
from provisioning.probes.findings import Finding, Seen
from provisioning.resources import from_wire
from provisioning.ssh import AgentError, AgentTooOld, HostKey

Key = tuple[str, str]


class FakeAgent:
    """A node in memory. ``before`` and ``after`` are raised by coming requests, before or after they took effect.

    ``bound``: what its own bound says no to without an approval, and of which items. ``answers``: what else it is asked
    (survey, keys, …), by op.
    """

    def __init__(self) -> None:
        self.rows: dict[Key, int] = {}
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[dict[str, Any]] = []
        self.refuse: set[str] = set()
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.fence = 0
        self.protocol = 3
        self.bound: tuple[str, Callable[[dict[str, Any]], bool]] | None = None
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}

    def get(self, _address: str, _port: int, _host_key: HostKey) -> FakeAgent:
        """The session with this node: itself."""
        return self

    def request(self, message: dict[str, Any], _timeout: float, *, since: int = 1) -> dict[str, Any]:
        """Answer one request as the agent would."""
        if self.protocol < since:
            raise AgentTooOld(message["op"])
        self.requests.append(message)
        if self.before:
            raise self.before.pop(0)
        op = message["op"]
        answer = self.answers.get(op) or getattr(self, f"_{op}", None)
        if answer is None:
            raise AgentError("bad_request", "op")
        return {"ok": True, **answer(message)}

    def _hello(self, _message: dict[str, Any]) -> dict[str, Any]:
        return {"protocol": self.protocol, "fence": self.fence}

    def _outcomes(self, message: dict[str, Any]) -> dict[str, Any]:
        known = self.batches.get(message["batch"])
        return {"known": known is not None, "outcomes": known or []}

    def _watch(self, message: dict[str, Any]) -> dict[str, Any]:
        self._raise_fence(message)
        return {}

    def _apply(self, message: dict[str, Any]) -> dict[str, Any]:
        self._raise_fence(message)
        if self.bound and not message.get("approved") and any(map(self.bound[1], message["items"])):
            raise AgentError("guard", "need an approval", what=self.bound[0])
        replayed = message["batch"] in self.batches
        if not replayed:
            self.batches[message["batch"]] = [self._take(body) for body in message["items"]]
        self.meanwhile()
        if self.after:
            raise self.after.pop(0)
        return {"batch": message["batch"], "outcomes": self.batches[message["batch"]], "replayed": replayed}

    def _raise_fence(self, message: dict[str, Any]) -> None:
        if message["fence"] < self.fence:
            raise AgentError("stale_fence", "an older worker")
        self.fence = message["fence"]

    def _take(self, body: dict[str, Any]) -> dict[str, Any]:
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

    def ready(self, wanted: Sequence[Wanted]) -> Sequence[Wanted]:
        """Nothing has to be known beforehand."""
        return wanted

    def prepare(self, wanted: Sequence[Wanted], *, deep: int = 20) -> FakeLooker:  # noqa: ARG002 - the protocol's names
        """The look: itself."""
        return self

    def see(self, applied: Sequence[Wanted]) -> dict[Key, Finding]:
        """Look at each."""
        self.looks += 1
        return {one.key: self.hidden.get(one.item.id, Seen("message")) for one in applied}

    def close(self) -> None:
        """Nothing to let go of."""
