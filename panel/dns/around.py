"""What is known of names outside a zone, for its lint: the other zones that we host, and our own servers."""

from __future__ import annotations

from sqlalchemy import select

from panel.dns.content import Content
from panel.dns.holding import zone_content
from panel.dns.lint import Around
from panel.dns.models import Zone
from panel.kernel.db import db
from panel.ledger.nodes import Node

READ_MOST = 200
"""How many other zones are read for one lint; of further ones nothing is said."""


def around_us(*, many: bool = False) -> Around:
    """Our zones as they are now, each read once, and the addresses of our servers.

    ``many``: for the lint of many zones; all names are read first then, instead of one by one.
    """
    addresses = frozenset(db.session.scalars(select(Node.address)))
    names = frozenset(db.session.scalars(select(Zone.name).where(Zone.want == "put"))) if many else None
    return Around(zone_at=_Zones(names).zone_at, own_addresses=addresses)


class _Zones:
    def __init__(self, names: frozenset[str] | None) -> None:
        self._names = names
        self._known: dict[str, Content | None] = {}
        self._read = 0

    def zone_at(self, name: str) -> Content | None:
        """The zone of exactly this name, None where we host none."""
        if self._names is not None and name not in self._names:
            return None
        if name not in self._known:
            query = select(Zone).where(Zone.name == name, Zone.want == "put", Zone.updates == "")
            zone = db.session.scalar(query) if self._read < READ_MOST else None
            self._read += zone is not None
            self._known[name] = None if zone is None else zone_content(zone)
        return self._known[name]
