"""Name servers in memory, and what is seen of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioning.probes.dns import Ask, Server, ZoneSeen
from tests.engine.fakes import FakeAgent


class FakeServers:
    """All name servers of an installation, which serve what the agent of the primary was given.

    ``down``: names of servers that answer nothing. ``elsewhere``: serials of zones that were there before. ``asked``:
    what was asked for, look by look; ``once``: the same of questions that wait for nothing.
    """

    def __init__(self, agent: FakeAgent) -> None:
        self.agent = agent
        self.down: set[str] = set()
        self.elsewhere: dict[str, int] = {}
        self.asked: list[Mapping[str, Ask]] = []
        self.once: list[Mapping[str, Ask]] = []

    def look(self, servers: Sequence[Server], asks: Sequence[Ask], *, until: float) -> dict[str, ZoneSeen]:
        """As the probe, which answers for each ask."""
        (self.asked if until else self.once).append({ask.zone: ask for ask in asks})
        return {ask.zone: self._seen(servers, ask) for ask in asks}

    def _seen(self, servers: Sequence[Server], ask: Ask) -> ZoneSeen:
        serial = self._serial(ask.zone)
        by_server = {one.name: None if one.name in self.down else serial for one in servers}
        if not ask.present:
            return ZoneSeen(serial is None, "" if serial is None else "not_answered", "", serial, by_server)
        primary = by_server[servers[0].name]
        silent = next((name for name, found in by_server.items() if found is None), None)
        words = f"{silent}: no answer in time" if silent else ""
        return ZoneSeen(silent is None, "unreachable" if silent else "", words, primary, by_server)

    def _serial(self, name: str) -> int | None:
        """The generation that the primary was given last."""
        items = [item for batch in self.agent.requests for item in batch.get("items", ()) if item["kind"] == "zone"]
        ids = {item["id"] for item in items if item.get("name") == name}
        last = {item["id"]: item for item in items if item["id"] in ids}
        put = [item["generation"] for item in last.values() if item["do"] == "put"]
        return put[-1] if put else self.elsewhere.get(name)
