"""What is wrong with a whole zone, or may be. Errors keep it from being served, warnings ask; no database here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from panel.dns.content import Content


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One thing found: a stable code, the set it is about, and what its words need."""

    level: Literal["error", "warning"]
    code: str
    name: str = ""
    type: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


class Around(Protocol):
    """What the lint may know of outside a zone."""

    def content_of(self, name: str) -> Content | None:
        """What the zone of ours holds in which ``name`` (no final dot) lies; None where it is in none."""


def lint(zone: Content, *, around: Around) -> list[Remark]:  # noqa: ARG001 - rules come with their tables
    """All that is to be said of ``zone``, errors first."""
    return []
