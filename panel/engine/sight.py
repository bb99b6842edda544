"""What looks at a node that does several things: each kind of resource by those who know how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from panel.engine.kinds import Look, Looker, Wanted
from provisioning.probes.findings import Finding

Key = tuple[str, str]


class NodeLooker:
    """Looks at one node by the lookers of its roles; not thread-safe. ``lookers``: who looks at a kind of resource."""

    def __init__(self, lookers: Mapping[str, Looker]) -> None:
        self._lookers = lookers

    def ready(self, wanted: Sequence[Wanted]) -> Sequence[Wanted]:
        """Complete what is about to be sent with what has to be known from outside for it."""
        return [one for looker, some in self._groups(wanted) for one in (looker.ready(some) if looker else some)]

    def prepare(self, wanted: Sequence[Wanted], *, deep: int = 20) -> NodeLook:
        """Choose how deep each resource is looked at, and what the node must know for it."""
        looks = [(looker.prepare(some, deep=deep), some) for looker, some in self._groups(wanted) if looker]
        return NodeLook(looks)

    def close(self) -> None:
        """Let go of all connections."""
        for looker in {id(one): one for one in self._lookers.values()}.values():
            looker.close()

    def _groups(self, wanted: Sequence[Wanted]) -> list[tuple[Looker | None, list[Wanted]]]:
        """What each looker looks at; what nobody does is *not looked at*."""
        groups: dict[int, tuple[Looker | None, list[Wanted]]] = {}
        for one in wanted:
            looker = self._lookers.get(one.key[0])
            groups.setdefault(id(looker), (looker, []))[1].append(one)
        return list(groups.values())


class NodeLook:
    """A look at one batch, in parts."""

    def __init__(self, looks: Sequence[tuple[Look, Sequence[Wanted]]]) -> None:
        self._look_of = {one.key: look for look, some in looks for one in some}
        told: dict[str, Any] = {}
        for look, _ in looks:
            told |= look.watch or {}
        self.watch: Mapping[str, Any] | None = told or None

    def see(self, applied: Sequence[Wanted]) -> dict[Key, Finding]:
        """Look at what the node confirmed."""
        findings: dict[Key, Finding] = {}
        parts: dict[int, tuple[Look, list[Wanted]]] = {}
        for one in applied:
            if one.key in self._look_of:
                look = self._look_of[one.key]
                parts.setdefault(id(look), (look, []))[1].append(one)
        for look, some in parts.values():
            findings |= look.see(some)
        return findings
