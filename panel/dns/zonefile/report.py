"""What became of a zone's files: its sets, what was refused and where, and what else is worth knowing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioning.record_sets import RecordSet, Soa

REFUSALS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line (``line``: the first of a record over several, 0: the whole file) that was not taken, and why."""

    file: str
    line: int
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """What was done with ``count`` records without being asked; ``file`` and ``line`` are those of the first."""

    file: str
    line: int
    code: str
    count: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadZone:
    """A zone as its files tell it. ``soa`` and ``serial`` are None where they have no SOA.

    With ``refusals`` the sets are those of the other lines: whoever takes them over decides about the rest.
    At most 1,000 refusals are listed; ``refused`` counts all.
    """

    sets: tuple[RecordSet, ...]
    soa: Soa | None
    serial: int | None
    refusals: tuple[Refusal, ...]
    refused: int
    notes: tuple[Note, ...]


@dataclass(slots=True)
class Report:
    """Refusals and notes as they come up: a note once for its code and parameters, with the count."""

    refusals: list[Refusal] = field(default_factory=list)
    refused: int = 0
    _notes: dict[tuple[str, str], Note] = field(default_factory=dict)

    def refuse(self, file: str, line: int, code: str, params: Mapping[str, Any]) -> None:
        """Keep that this line was refused."""
        self.refused += 1
        if len(self.refusals) < REFUSALS_MAX:
            self.refusals.append(Refusal(file, line, code, params))

    def note(self, file: str, line: int, code: str, about: str = "") -> None:
        """Keep that this was done once more; ``about``: to what (a type), told as ``about``."""
        known = self._notes.get((code, about))
        first = known or Note(file, line, code, 0, {"about": about} if about else {})
        self._notes[code, about] = Note(first.file, first.line, code, first.count + 1, first.params)

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes, in the order in which they first came up."""
        return tuple(self._notes.values())
