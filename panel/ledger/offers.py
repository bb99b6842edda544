"""Records that kinds of resources want to see in zones: a mail domain wants its MX, a site its address.

Whoever has such resources offers records; whoever keeps zones puts them in. Neither knows the other: the wiring does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import current_app

from panel.kernel.access import Actor
from provisioning.record_sets import RecordSet

OFFERS = "cis.offers"
"""Key in ``app.extensions`` of the call that brings zones in step with what is offered at names."""

SOURCES = "cis.record_sources"
"""Key in ``app.extensions`` of the sources, in their order."""

Keep = Callable[[Actor, Collection[str], bool], None]


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What the resource ``source`` (``kind:UUID``) wants at ``name`` and below; names in ``sets`` are relative to it.

    ``notes``: codes of what cannot be offered yet, for people to see.
    """

    source: str
    name: str
    sets: tuple[RecordSet, ...]
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """A kind of resource that offers records."""

    kind: str
    """The part of an offer's ``source`` before the colon."""

    def offers(self, names: Collection[str]) -> Sequence[Offer]:
        """What the resources at these names, and below them, offer now."""

    def usual(self, name: str) -> Sequence[RecordSet]:
        """What a resource at ``name`` would offer, for templates; nothing where no node could serve it."""


def offers_changed(actor: Actor, names: Collection[str], *, new: bool = False) -> None:
    """Bring zones in step with what is offered at ``names`` now, in the running unit of work.

    ``new``: these are zones that were just made, so nothing is kept in them yet.
    """
    keep: Keep | None = current_app.extensions.get(OFFERS)
    if keep is not None and names:
        keep(actor, names, new)
