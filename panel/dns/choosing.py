"""Many zones chosen for one change: which they are, and what the change would do to each of them."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import select

from panel.dns.content import SetChange
from panel.dns.finding import zones_query
from panel.dns.lint import Remark
from panel.dns.models import Zone
from panel.dns.rewriting import Rewriting
from panel.kernel.access import Actor, require_kind, require_on, scoped
from panel.kernel.db import db
from panel.kernel.errors import Invalid, NotFound, PanelError

AT_MOST = 2_000
AT_ONCE = 500
"""How many ids stand in one statement."""

ACTIONS = ("replace", "ttl", "sign", "unsign", "remove", "restore")
REWRITING = ("replace", "ttl")
VERSIONED = ("replace", "ttl", "sign", "unsign")
"""Those by which each zone comes to a new version."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Zones by their ids, or all that a list shows; ``ids`` None: by ``search`` and the other filters."""

    ids: Sequence[uuid.UUID] | None = None
    search: str = ""
    member_id: uuid.UUID | None = None
    state: str | None = None
    look: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One of ACTIONS, with what REWRITING takes for those of them."""

    action: str
    rewriting: Rewriting = field(default_factory=Rewriting)

    def check(self) -> None:
        """Raise Invalid for ``action``, ``type``, ``ttl``, ``old`` or ``new``."""
        if self.action not in ACTIONS:
            raise Invalid("choice", field="action", choices=", ".join(ACTIONS))
        if self.action == "ttl" and self.rewriting.ttl is None:
            raise Invalid("required", field="ttl")
        if self.action in REWRITING:
            self.rewriting.check()


@dataclass(frozen=True, kw_only=True)
class Line:
    """What becomes of one zone: *change*, *unchanged* (it is so already) or *refused*, with the error that says why.

    ``changes`` of its sets and ``settings`` of its signing, before and after; ``remarks``: what the lint says of it and
    did not say before; ``left``: how many sets that would be rewritten stay, since something else keeps them.
    """

    zone: Zone = field(repr=False)
    verdict: str
    error: PanelError | None = None
    changes: Sequence[SetChange] = ()
    settings: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    remarks: Sequence[Remark] = ()
    left: int = 0


@dataclass(frozen=True, kw_only=True)
class ChangePlan:
    """What a wish would do; ``digest`` is what a confirmation binds to."""

    wish: Wish
    lines: Sequence[Line]

    def of(self, verdict: str) -> list[Line]:
        """The lines with this verdict."""
        return [line for line in self.lines if line.verdict == verdict]

    @property
    def counts(self) -> Counter[str]:
        """How many lines have which verdict."""
        return Counter(line.verdict for line in self.lines)

    @property
    def doubtful(self) -> list[Line]:
        """The zones that would be changed, of which the lint warns."""
        return [line for line in self.of("change") if line.remarks]

    @property
    def left(self) -> int:
        """How many sets of records stay, since something else keeps them."""
        return sum(line.left for line in self.lines)

    @property
    def digest(self) -> str:
        """One value for the wish and what it does to which version of what."""
        told = [(line.zone.id.hex, line.zone.wanted_generation, line.verdict, _mark(line)) for line in self.lines]
        wanted = self.wish.rewriting
        whole = [self.wish.action, wanted.type, wanted.ttl, wanted.old, wanted.new, told]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def chosen_zones(actor: Actor, choice: Choice) -> list[Zone]:
    """The zones of ``choice`` that the actor may change, in the order of their names.

    Raises Invalid ``number_range`` for none or more than AT_MOST, NotFound where one of the ids is absent or out of
    reach, NotAllowed.
    """
    require_kind(actor, "zones")
    zones = _listed(actor, choice) if choice.ids is None else _named(actor, sorted(set(choice.ids))[: AT_MOST + 1])
    if not 1 <= len(zones) <= AT_MOST:
        raise Invalid("number_range", field="zones", least=1, most=AT_MOST)
    return sorted(zones, key=attrgetter("name"))


def read_zones(ids: Sequence[uuid.UUID], *, for_change: bool = False) -> list[Zone]:
    """The zones with these ids as the database has them now, in the order of their ids."""
    found: list[Zone] = []
    for some in portions(ids):
        query = select(Zone).where(Zone.id.in_(some)).order_by(Zone.id).execution_options(populate_existing=True)
        found += db.session.scalars(query.with_for_update(of=Zone, key_share=True) if for_change else query).unique()
    return found


def portions(ids: Sequence[uuid.UUID]) -> Iterable[Sequence[uuid.UUID]]:
    """``ids`` in parts that fit into one statement."""
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _listed(actor: Actor, choice: Choice) -> list[Zone]:
    query = zones_query(actor, search=choice.search, member_id=choice.member_id, state=choice.state, look=choice.look)
    query = scoped(actor, "dns:write", query, Zone.member_id).order_by(None).limit(AT_MOST + 1)
    return list(db.session.scalars(query).unique())


def _named(actor: Actor, ids: Sequence[uuid.UUID]) -> list[Zone]:
    zones = read_zones(ids)
    if len(zones) < len(ids):
        raise NotFound("not_found")
    for member_id in {zone.member_id for zone in zones}:
        require_on(actor, "dns:write", member_id)
    return zones


def _mark(line: Line) -> list[Any]:
    return [len(line.changes), len(line.remarks), sorted(line.settings)]
