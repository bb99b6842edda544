"""Digests of many resources at once, the same at both ends, so that a node is compared without sending them.

Stdlib only. A shard is the last two digits of an id; its digest is that of the lines of its resources, generations
left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from provisioning.resources import COMPARED, Mailbox, Resource

_LINES_AT_ONCE = 64
_LONGEST = 2 + len(COMPARED["mailbox"])
_UNSAID = ("",) * len(Mailbox.later)


def shard_of(id: str) -> str:
    """Tell in which shard a resource stands: the last two digits of its id, so 256 of about the same size."""
    return id[-2:]


def line_of(*values: object) -> str:
    """Return the one canonical text of a resource: of its kind, its id, then what COMPARED names, in that order.

    Faster than ``line`` by far, since no resource is made: for whole tables. Two rows have the same text only if
    all their values are the same, types included, also where they hold what no resource may.
    """
    # `Resource.later` is left out while it says nothing; of all kinds mailboxes alone have that, and as many values.
    if len(values) == _LONGEST and values[-len(_UNSAID) :] == _UNSAID:
        values = values[: -len(_UNSAID)]
    return ascii(values)


def line(item: Resource) -> str:
    """Return the canonical text of a resource, its generation left out."""
    return line_of(item.kind, item.id, *(getattr(item, name) for name in COMPARED[item.kind]))


def shard_digest(lines: Iterable[str]) -> str:
    """SHA-256, hex, of the resources of a shard, in whatever order their lines come; of none: of the empty text."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


class ShardDigest:
    """The same from lines that come in the order of their ids, without keeping them: for tables of any size."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()
        self._waiting: list[str] = []

    def add(self, line: str) -> None:
        """Add the next line."""
        self._waiting.append(line)
        if len(self._waiting) == _LINES_AT_ONCE:
            self._take()

    def finish(self) -> tuple[int, str]:
        """Return how many lines there were, and the digest."""
        self._take()
        return self.count, self._hash.hexdigest()

    def _take(self) -> None:
        before = "\n" if self.count and self._waiting else ""
        self._hash.update((before + "\n".join(self._waiting)).encode())
        self.count += len(self._waiting)
        self._waiting.clear()
