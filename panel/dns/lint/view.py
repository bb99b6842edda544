"""A zone as its readers see it: names with their sets, cuts, wildcards, and where a target leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal

from panel.dns.content import Content
from panel.dns.lint.remarks import Around
from panel.dns.records.names import relative, whole_name
from panel.dns.records.strings import strings_of
from provisioning.record_sets import APEX, RecordSet

Node = dict[str, RecordSet]
State = Literal["unknown", "missing", "alias", "no_address", "address"]
ADDRESSES = ("A", "AAAA")


@dataclass(frozen=True)
class View:
    """One zone's content, looked at with what is around it. Names are relative to it unless said otherwise."""

    content: Content
    around: Around

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """The sets of each name, by type."""
        nodes: dict[str, Node] = {}
        for one in self.content.sets:
            nodes.setdefault(one.name, {})[one.type] = one
        return nodes

    @cached_property
    def names(self) -> frozenset[str]:
        """All names that exist, those too that only have names below them (RFC 8020)."""
        found = {APEX}
        for name in self.nodes:
            while name != APEX and name not in found:
                found.add(name)
                name = parent(name)  # noqa: PLW2901 # The walk up ends where a name is known.
        return frozenset(found)

    @cached_property
    def cuts(self) -> frozenset[str]:
        """Names at which the zone hands over to another one."""
        return frozenset(name for name, node in self.nodes.items() if "NS" in node and name != APEX)

    def sets(self, *types: str) -> Iterator[RecordSet]:
        """The sets of these types, type by type, each in their order."""
        return chain.from_iterable(self._by_type.get(type_, ()) for type_ in types)

    def texts(self, name: str) -> list[bytes]:
        """The TXT records of ``name``, each with its strings joined."""
        if name not in self._texts:
            one = self.nodes.get(name, {}).get("TXT")
            self._texts[name] = [b"".join(strings_of(value)) for value in one.values] if one else []
        return self._texts[name]

    def cut_above(self, name: str) -> str | None:
        """The cut at or above ``name``, None where the zone itself answers for it."""
        return self._above(name, self.cuts)

    def whole(self, name: str) -> str:
        """``name`` in its absolute spelling."""
        return whole_name(name, self.content.name)

    def inside(self, target: str) -> str | None:
        """``target`` (absolute) as a name of this zone, None where it lies outside."""
        return relative(target, f"{self.content.name}.")

    def at(self, name: str) -> Node | None:
        """What is answered for ``name``: its node, else that of the wildcard that covers it (RFC 4592), else None."""
        if name in self.names:
            return self.nodes.get(name, {})
        encloser = parent(name)
        while encloser not in self.names:
            encloser = parent(encloser)
        return self.nodes.get("*" if encloser == APEX else f"*.{encloser}")

    def state(self, name: str) -> State:
        """What a target within this zone is; *unknown* where others answer for it."""
        if self.cut_above(name) is not None or self._above(parent(name), self._redirects) is not None:
            return "unknown"
        node = self.at(name)
        if node is None:
            return "missing"
        if "CNAME" in node:
            return "alias"
        return "address" if node.keys() & {*ADDRESSES} else "no_address"

    def hosted(self, target: str) -> tuple[View, str] | None:
        """The zone that answers for ``target`` (absolute) among this one and those hosted here, and its name there."""
        labels = target.removesuffix(".").split(".")
        for start in range(len(labels)):
            zone = ".".join(labels[start:])
            if view := self._view_of(zone):
                return view, ".".join(labels[:start]) or APEX
        return None

    def target_state(self, target: str) -> State:
        """What ``target`` (absolute) is, wherever it lies."""
        found = self.hosted(target)
        return found[0].state(found[1]) if found else "unknown"

    @cached_property
    def _redirects(self) -> frozenset[str]:
        return frozenset(name for name, node in self.nodes.items() if "DNAME" in node)

    @cached_property
    def _by_type(self) -> dict[str, list[RecordSet]]:
        found: dict[str, list[RecordSet]] = {}
        for one in self.content.sets:
            found.setdefault(one.type, []).append(one)
        return found

    @cached_property
    def _texts(self) -> dict[str, list[bytes]]:
        return {}

    @cached_property
    def _others(self) -> dict[str, View | None]:
        return {}

    def _view_of(self, zone: str) -> View | None:
        if zone == self.content.name:
            return self
        if zone not in self._others:
            content = self.around.zone_at(zone)
            self._others[zone] = View(content, self.around) if content else None
        return self._others[zone]

    @staticmethod
    def _above(name: str, those: frozenset[str]) -> str | None:
        if not those:
            return None
        while name not in those:
            if name == APEX:
                return None
            name = parent(name)
        return name


def parent(name: str) -> str:
    """The name above ``name``; the apex is above itself."""
    return name.partition(".")[2] or APEX


def words(value: str) -> list[str]:
    """The words of a canonical value that has no strings."""
    return value.split(" ")
