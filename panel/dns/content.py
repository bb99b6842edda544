"""What a zone holds, what changed between two contents, and the one from the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from panel.kernel.errors import Conflict
from provisioning.record_sets import RecordSet, Soa, in_order

Key = tuple[str, str]
"""A set's name and type."""


@dataclass(frozen=True, slots=True)
class Content:
    """A zone's name (A-labels, no final dot), its start, and its sets in their order, one for a name and type."""

    name: str
    soa: Soa
    sets: tuple[RecordSet, ...]

    def __post_init__(self) -> None:
        ordered = in_order(self.sets)
        if len(by_key(ordered)) < len(ordered):
            raise ValueError(f"{self.name}: two sets of one name and type")
        object.__setattr__(self, "sets", ordered)


@dataclass(frozen=True, slots=True)
class SetChange:
    """One set that came (``before`` None), went (``after`` None) or differs in values or TTL."""

    name: str
    type: str
    before: RecordSet | None
    after: RecordSet | None

    def __post_init__(self) -> None:
        for side in (self.before, self.after):
            if side is not None and (side.name, side.type) != (self.name, self.type):
                raise ValueError(f"{self.name} {self.type}: a change of another set")
        if self.before == self.after:
            raise ValueError(f"{self.name} {self.type}: nothing changes")


def by_key(sets: Iterable[RecordSet]) -> dict[Key, RecordSet]:
    """The sets by name and type."""
    return {(one.name, one.type): one for one in sets}


def diff(old: Content, new: Content) -> list[SetChange]:
    """What makes ``new`` of ``old``, in the order of sets; the start of the zone aside. Equal contents: nothing."""
    before, after = by_key(old.sets), by_key(new.sets)
    concerned = in_order({**before, **after}.values())
    pairs = (
        (one.name, one.type, before.get((one.name, one.type)), after.get((one.name, one.type))) for one in concerned
    )
    return [SetChange(*pair) for pair in pairs if pair[2] != pair[3]]


def apply(content: Content, changes: Iterable[SetChange]) -> Content:
    """``content`` with ``changes`` made.

    Raises Conflict ``stale`` (``name``, ``type``) where one began from another set than the present one.
    """
    sets = by_key(content.sets)
    for change in changes:
        key = (change.name, change.type)
        if sets.pop(key, None) != change.before:
            raise Conflict("stale", name=change.name, type=change.type)
        if change.after is not None:
            sets[key] = change.after
    return replace(content, sets=tuple(sets.values()))


def undone(changes: Iterable[SetChange]) -> list[SetChange]:
    """What takes ``changes`` back, the last first."""
    return [SetChange(one.name, one.type, one.after, one.before) for one in reversed([*changes])]
