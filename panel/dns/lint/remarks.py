"""What the lint says, and what it is told of the world outside of the zone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from panel.dns.content import Content

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about a zone. ``name`` (relative, ``@`` the apex) and ``type`` say where; ``params`` fill the words.

    An *error* keeps the zone from going out, a *warning* asks whoever changes it.
    """

    level: Level
    code: str
    name: str
    type: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)


def _no_zone(_name: str) -> Content | None:
    return None


def _every_site(_host: str) -> bool:
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What is known outside of the zone; without anything the lint looks at the zone alone.

    ``zone_at``: the zone of exactly this name (A-labels, no final dot) if it is hosted here. ``web_addresses``: of our
    web servers, and ``is_site``: whether a site answers for a host name there. ``own_addresses``: of our own servers,
    which may be private where the installation is.
    """

    zone_at: Callable[[str], Content | None] = _no_zone
    web_addresses: frozenset[str] = frozenset()
    is_site: Callable[[str], bool] = _every_site
    own_addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule saw: ``Remark`` without its level, which the table of codes knows."""

    code: str
    name: str
    type: str
    params: Mapping[str, Any] = field(default_factory=dict)


Finds = Iterator[Found]
