"""What stands on a node already, before the panel knew of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from panel.kernel.db import new_id


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Under which id and generation a node has a thing, and a mailbox's hash there: what is taken over with it."""

    id: uuid.UUID
    generation: int
    password_hash: str | None = field(default=None, repr=False)


def new_values(standing: Standing | None, *, hashed: str | None) -> dict[str, Any]:
    """Id, generation and hash of a new mailbox: its own, or those with which it stands on its node."""
    found = None if standing is None else standing.password_hash
    return {**identity_of(standing), "password_hash": hashed or found}


def identity_of(standing: Standing | None) -> dict[str, Any]:
    """Id of a new thing, and the generation with which the node gets it where it has it already."""
    return {"id": new_id()} if standing is None else {"id": standing.id, "wanted_generation": standing.generation + 1}
