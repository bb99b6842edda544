"""Whether what a file asks for fits into what contracts grant: told for the whole, and for the rows that do not fit."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from panel.contracts.entitlements import Entitlement, entitlements
from panel.contracts.standing import require_not_held
from panel.imports.importer import Verdict
from panel.kernel.access import Actor
from panel.kernel.errors import Conflict, OverLimit, PanelError
from panel.members.actions import get_member


@dataclass
class _Room:
    """What one member may have, and what the rows so far take of it."""

    granted: Mapping[str, Entitlement]
    held: Conflict | None
    wanted: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)

    def lacks(self, sizes: Mapping[str, int]) -> str | None:
        """The kind of which there is not enough for one more row; what takes nothing always fits."""
        for kind, amount in sizes.items():
            if amount > 0 and self._used(kind) + self.taken[kind] + amount > self._granted(kind):
                return kind
        return None

    def over(self, member: str) -> Iterable[PanelError]:
        """What the whole file asks for beyond what is granted."""
        for kind, amount in self.wanted.items():
            if amount > 0 and self._used(kind) + amount > self._granted(kind):
                yield OverLimit("import_over_limit", member=member, kind=kind, granted=self._granted(kind),
                                used=self._used(kind), wanted=amount)  # fmt: skip

    def _granted(self, kind: str) -> int:
        return self.granted[kind].granted if kind in self.granted else 0

    def _used(self, kind: str) -> int:
        return self.granted[kind].used if kind in self.granted else 0


def mark_room(actor: Actor, asked: Iterable[tuple[Verdict, uuid.UUID, Mapping[str, int]]]) -> list[PanelError]:
    """Give rows that no longer fit, in the order of the file, an error; return what is wrong with the whole."""
    rooms: dict[uuid.UUID, _Room] = {}
    for verdict, member_id, sizes in asked:
        if member_id not in rooms:
            rooms[member_id] = _room(actor, member_id)
        room = rooms[member_id]
        room.wanted.update(sizes)
        lacking = room.lacks(sizes)
        if room.held is not None and any(amount > 0 for amount in sizes.values()):
            verdict.errors.append(room.held)
        elif lacking is not None:
            verdict.errors.append(OverLimit("import_no_room", kind=lacking))
        else:
            room.taken.update(sizes)
    return [
        problem
        for member_id, room in rooms.items()
        if room.held is None
        for problem in room.over(get_member(actor, member_id).name)
    ]


def _room(actor: Actor, member_id: uuid.UUID) -> _Room:
    granted = {one.kind: one for one in entitlements(actor, member_id)}
    try:
        require_not_held(member_id)
    except Conflict as error:
        return _Room(granted, error)
    return _Room(granted, None)
