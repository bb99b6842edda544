"""What is known of names outside a zone, for its lint: the other zones that we host."""

from __future__ import annotations

from sqlalchemy import select

from panel.dns.content import Content
from panel.dns.holding import zone_content
from panel.dns.models import Zone
from panel.kernel.db import db

MOST = 50
"""How many other zones are read for one lint; names in further ones count as not ours."""


class AroundUs:
    """Our zones by name, each read once. ``but``: the zone that is looked at itself."""

    def __init__(self, but: str) -> None:
        self._but = but
        self._known: dict[str, Content | None] = {}

    def content_of(self, name: str) -> Content | None:
        """What the zone of ours holds in which ``name`` (no final dot) lies; None where it is in none."""
        labels = name.rstrip(".").lower().split(".")
        for start in range(len(labels) - 1):
            above = ".".join(labels[start:])
            if above == self._but:
                return None
            if (found := self._content(above)) is not None:
                return found
        return None

    def _content(self, name: str) -> Content | None:
        if name not in self._known:
            if len(self._known) >= 10 * MOST:
                return None
            zone = db.session.scalar(select(Zone).where(Zone.name == name, Zone.want == "put"))
            self._known[name] = None if zone is None else zone_content(zone)
        return self._known[name]
