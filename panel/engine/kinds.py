"""What the engine must be told of a kind of resource, and of the way to look at it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from flask import current_app
from sqlalchemy import ColumnElement, Table, inspect

from panel.kernel.access import Actor
from panel.ledger.differences import Difference
from panel.ledger.nodes import Node
from panel.ledger.resources import ResourceColumns
from provisioning.probes.findings import Finding, Seen
from provisioning.resources import InvalidResource, Item

KINDS = "cis.kinds"
"""Key in ``app.extensions`` of all kinds, in the order in which a node can take them."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How whole tables of a kind are compared with a node, without making an object of each row.

    ``columns``: SQL of each field of the resource that a row with ``want`` *put* stands for, in the order of
    ``resources.FIELDS``; ``joins`` are needed for them. ``name``: the field by which people call it; ``secrets``: those
    that are never shown. ``explain``: for kinds that are compared by a digest, what of one resource differs: from its
    id, the columns and what the node has, values for the difference (``comparing.Found``).
    """

    columns: Mapping[str, Any]
    name: str
    joins: Sequence[Any] = ()
    secrets: frozenset[str] = frozenset()
    explain: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class Making:
    """How resources of a kind are made that are more than a row: many at once from plain rows.

    ``columns``: what ``items`` and looks need of a row beside what every resource has. ``items`` makes what is sent,
    one for each row in their order, an error where a row holds what no node may be given.
    """

    columns: Mapping[str, Any]
    items: Callable[[Sequence[Any]], Sequence[Item | InvalidResource]]


class Adopter(Protocol):
    """How what was found on a node becomes what is wanted, by the ordinary actions of a kind."""

    def obstacle(self, difference: Difference) -> str | None:
        """Why no action can express the difference, as an error's code; None where one can."""

    def adopt(self, actor: Actor, difference: Difference, *, member_id: uuid.UUID | None) -> None:
        """Do it within the running unit of work. Raises what the actions raise; Invalid ``member_needed``."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind. ``to_item`` turns a row into what goes to the node, ``name_of`` into what people call it.

    ``goes_with`` makes the condition for rows of this kind that belong to resources with the given ids (the domain of a
    mailbox, its aliases): they are sent together.

    ``comparison`` and ``adopter`` are None for what nodes list under other kinds. ``making``: for kinds whose resources
    are more than a row. ``told``: further columns that are written down with what was seen, from the row as sent and
    the finding; always the same ones. ``alarms``: SQL by code (``conditions.CODES``) for rows of which somebody must be
    told, counted for each node.
    """

    name: str
    model: type[ResourceColumns]
    to_item: Callable[[Any], Item]
    name_of: Callable[[Any], str]
    goes_with: Callable[[Sequence[uuid.UUID]], ColumnElement[bool]] | None = None
    comparison: Comparison | None = None
    adopter: Adopter | None = None
    making: Making | None = None
    told: Callable[[Any, Seen], Mapping[str, Any]] | None = None
    alarms: Mapping[str, Callable[[], ColumnElement[bool]]] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """The model's table, for statements over many rows."""
        return cast("Table", inspect(self.model).local_table)


def wired_kinds() -> Sequence[Kind]:
    """All kinds of the running application."""
    kinds: Sequence[Kind] = current_app.extensions[KINDS]
    return kinds


def kind_named(name: str) -> Kind | None:
    """The kind of this name, None for what is no kind of resource."""
    return next((kind for kind in wired_kinds() if kind.name == name), None)


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

    def ready(self, wanted: Sequence[Wanted]) -> Sequence[Wanted]:
        """Complete what is about to be sent with what has to be known from outside for it; mostly nothing."""

    def prepare(self, wanted: Sequence[Wanted], *, deep: int = 20) -> Look:
        """Choose how deep each resource is looked at, and what the node must know for it.

        ``deep``: how many of them at least are looked at as deep as can be.
        """

    def close(self) -> None:
        """Let go of the connections."""


LookerFor = Callable[[Node], Looker]
