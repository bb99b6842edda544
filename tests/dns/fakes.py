"""Name servers in memory, and what is seen of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from panel.dns.asks import Asked
from panel.dns.looking import Target
from tests.engine.fakes import FakeAgent


@dataclass
class Told:
    """What the probe says of one zone."""

    ok: bool = True
    code: str = ""
    words: str = ""
    serial: int | None = None
    by_server: Mapping[str, int | None] = field(default_factory=dict)


class FakeServers:
    """All name servers of an installation, which serve what the agent of the primary was given.

    ``down``: names of servers that answer nothing. ``asked``: what was asked for, look by look.
    """

    def __init__(self, agent: FakeAgent) -> None:
        self.agent = agent
        self.down: set[str] = set()
        self.elsewhere: dict[str, int] = {}
        self.asked: list[Mapping[str, Asked]] = []
        self.serials_asked: list[Sequence[str]] = []

    def look(self, servers: Sequence[Target], asks: Mapping[str, Asked], *, until: float) -> Mapping[str, Told]:  # noqa: ARG002 - the protocol's
        self.asked.append(asks)
        return {name: self._told(servers, name) for name in asks}

    def absent(self, servers: Sequence[Target], zones: Sequence[str], *, until: float) -> Mapping[str, Told]:  # noqa: ARG002 - the protocol's
        still = {name for name in zones if self._serial(name) is not None}
        return {name: Told(ok=name not in still, code="refused", words="ns2 answers still") for name in zones}

    def serials(
        self,
        servers: Sequence[Target],
        zones: Sequence[str],
        *,
        until: float,  # noqa: ARG002 - the protocol's
    ) -> Mapping[str, Mapping[str, int | None]]:
        self.serials_asked.append(list(zones))
        return {name: {one.name: self.elsewhere.get(name) for one in servers} for name in zones}

    def _told(self, servers: Sequence[Target], name: str) -> Told:
        serial = self._serial(name)
        by_server = {one.name: None if one.name in self.down else serial for one in servers}
        behind = [server for server, found in by_server.items() if found is None]
        if serial is None or servers[0].name in self.down:
            return Told(ok=False, code="unreachable", words=servers[0].name, by_server=by_server)
        if behind:
            return Told(ok=False, code="secondary_behind", words=", ".join(behind), serial=serial, by_server=by_server)
        return Told(serial=serial, by_server=by_server)

    def _serial(self, name: str) -> int | None:
        """One for each generation that the primary was given."""
        for batch in reversed(self.agent.requests):
            for item in batch.get("items", ()):
                if item.get("name") == name or (item["kind"], item["id"]) in self._ids(name):
                    return item["generation"] if item["do"] == "put" else None
        return None

    def _ids(self, name: str) -> set[tuple[str, str]]:
        return {
            (item["kind"], item["id"])
            for batch in self.agent.requests
            for item in batch.get("items", ())
            if item.get("name") == name
        }
