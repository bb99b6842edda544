"""What has to change on a node, in which order, and whether a person must look at it first.

A plan is a value: it is shown, its digest is what a person approves, and its items are what goes to the node.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from provisioning.resources import Gone, Item

Key = tuple[str, str]
Verb = Literal["create", "update", "confirm", "remove", "purge"]

REMOVED_SHARE_MAX = 0.20
REMOVED_COUNT_MIN = 50

# A domain stands before what is in it, and goes after it; an address is let go before another takes it.
_REMOVE_ORDER = {"alias": 0, "mailbox": 1, "mail_domain": 9, "zone": 9}
_PUT_ORDER = {"zone": 2, "mail_domain": 2, "mailbox": 3, "alias": 4}


class Had(NamedTuple):
    """What a node is known to have of one resource."""

    generation: int
    digest: str


class NeedsApproval(Exception):
    """The plan removes so much that a person must approve its digest first."""

    def __init__(self, *, kind: str, removed: int, total: int, digest: str) -> None:
        super().__init__(f"{removed} of {total} of kind {kind} would go")
        self.kind = kind
        self.removed = removed
        self.total = total
        self.digest = digest


@dataclass(frozen=True, slots=True)
class Change:
    """One step. *confirm* sends a newer generation of the same content; *remove* keeps the data, *purge* does not."""

    verb: Verb
    item: Item


@dataclass(frozen=True)
class Plan:
    """Changes in the order in which a node can take them."""

    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    @property
    def items(self) -> tuple[Item, ...]:
        """What is sent to the node."""
        return tuple(change.item for change in self.changes)

    @cached_property
    def digest(self) -> str:
        """SHA-256, hex, of the ordered changes with their generations: what an approval binds to."""
        steps = [[step.verb, step.item.kind, step.item.id, step.item.generation, _content(step.item)] for step in self]
        return hashlib.sha256(json.dumps(steps).encode()).hexdigest()

    def counts(self) -> Counter[tuple[str, Verb]]:
        """How many changes there are per kind and verb."""
        return Counter((step.item.kind, step.verb) for step in self)


def make_plan(wanted: Iterable[Item], had: Mapping[Key, Had]) -> Plan:
    """Compare what is wanted with what the node had.

    What ``had`` holds and ``wanted`` does not mention stays: only a Gone removes. A Gone is always part of the plan,
    since only the node itself can confirm an absence.
    """
    changes = [Change(verb, item) for item in wanted if (verb := _verb(item, had.get((item.kind, item.id))))]
    return Plan(tuple(sorted(changes, key=_order)))


def require_safe(plan: Plan, totals: Mapping[str, int], approved_digest: str | None = None) -> None:
    """Let the plan pass, unless it removes more than 20 % and at least 50 of a kind and nobody approved it.

    ``totals`` is how many resources of each kind the node has now. Raises NeedsApproval.
    """
    if approved_digest == plan.digest:
        return
    removed = Counter(step.item.kind for step in plan if step.verb in ("remove", "purge"))
    for kind, count in sorted(removed.items()):
        total = totals.get(kind, 0)
        if count >= REMOVED_COUNT_MIN and count > REMOVED_SHARE_MAX * total:
            raise NeedsApproval(kind=kind, removed=count, total=total, digest=plan.digest)


def turn(kind: str, *, removes: bool) -> int:
    """When things of a kind come in their order; what removes them, and what puts them there, have turns of their own.

    What is told apart by this may be sent one after the other, the lower turn first.
    """
    return (_REMOVE_ORDER if removes else _PUT_ORDER).get(kind, 0)


def _verb(item: Item, had: Had | None) -> Verb | None:
    if isinstance(item, Gone):
        return "purge" if item.purge else "remove"
    if had is None:
        return "create"
    if had.digest != item.digest():
        return "update"
    return "confirm" if item.generation > had.generation else None


def _order(change: Change) -> tuple[int, str]:
    order = _REMOVE_ORDER if isinstance(change.item, Gone) else _PUT_ORDER
    return order[change.item.kind], change.item.id


def _content(item: Item) -> str:
    return "" if isinstance(item, Gone) else item.digest()
