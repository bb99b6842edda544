"""What every kind of resource has: an id, a generation, a digest of what the node should have.

Used at both ends of the wire, so this module is stdlib only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from provisioning.checks import check_id, check_integer


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One thing a node should have. ``id`` is a UUID in text, ``generation`` grows with each wanted change.

    Fields in ``later`` came with a later protocol: while all of them are empty they stand neither in digests and lines
    nor on the wire, so that both ends say the same of a resource though one does not know them.
    """

    kind: ClassVar[str]
    later: ClassVar[tuple[str, ...]] = ()
    since: ClassVar[int] = 1  # the protocol that has this kind
    id: str
    generation: int

    def __post_init__(self) -> None:
        check_id(self.id)
        check_integer(self.generation, "generation", 1, 2**62)

    def digest(self) -> str:
        """SHA-256, hex, of what the node should have, generation left out: equal digests mean nothing to do."""
        unsaid = {"generation", *(() if self.says_more() else self.later)}
        body = {key: value for key, value in asdict(self).items() if key not in unsaid}
        # What is no JSON stands in no resource; a row that somebody edited by hand may hold it.
        return hashlib.sha256(json.dumps([self.kind, body], sort_keys=True, default=repr).encode()).hexdigest()

    def says_more(self) -> bool:
        """Tell whether it says what only ends of a later protocol understand."""
        return any(getattr(self, name) != "" for name in self.later)

    def plain(self) -> dict[str, Any]:
        """Return its FIELDS as JSON has them."""
        return {name: getattr(self, name) for name in names_of(type(self))}

    @classmethod
    def read(cls, values: dict[str, Any]) -> Resource:
        """Read id, generation and what `plain` wrote. Raises InvalidResource."""
        return cls(**values)

    @classmethod
    def digest_of(cls, id: str, compared: dict[str, Any]) -> str:
        """Return the digest of the resource with this id whose COMPARED fields are these."""
        return cls(id=id, generation=1, **compared).digest()


def names_of(kind: type[Resource]) -> tuple[str, ...]:
    """Name the fields that a kind has beside id and generation, in their order."""
    return tuple(kind.__slots__)  # those of its own, not of Resource
