"""What the engine must be told of a kind of resource, and of the way to look at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from panel.ledger.nodes import Node
from panel.ledger.resources import ResourceColumns
from provisioning.probes.findings import Finding
from provisioning.resources import Item


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind. ``to_item`` turns a row into what goes to the node, ``name_of`` into what people call it."""

    name: str
    model: type[ResourceColumns]
    to_item: Callable[[Any], Item]
    name_of: Callable[[Any], str]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One row in the making: its kind, the row as read, and the item sent for it."""

    kind: Kind
    row: Any
    item: Item

    @property
    def key(self) -> tuple[str, str]:
        """Kind and id, as outcomes name them."""
        return self.item.kind, self.item.id


class Look(Protocol):
    """A look at one batch, prepared before the batch is sent."""

    watch: Mapping[str, Any] | None
    """What the node must know beforehand (``provisioning.wire``), None when nothing."""

    def see(self, applied: Sequence[Wanted]) -> Mapping[tuple[str, str], Finding]:
        """Look at what the node confirmed; every key of ``applied`` is answered. Never raises for what it finds."""


class Looker(Protocol):
    """Looks at one node from outside, with warm connections; one per thread."""

    def prepare(self, wanted: Sequence[Wanted]) -> Look:
        """Choose how deep each resource is looked at, and what the node must know for it."""

    def close(self) -> None:
        """Let go of the connections."""


LookerFor = Callable[[Node], Looker]
