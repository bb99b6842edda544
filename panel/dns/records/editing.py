"""What is told about a type of record: what it is for, and its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "a",
    "aaaa",
    "host",
    "number",
    "text",
    "string",
    "word",
    "hex",
    "base64",
    "place",
    "parameter",
    "parameters",
    "generic",
]
"""How a field is read: an address, a host name, a whole number, text in any letters (lines are strings), one string, a
word without spaces, octets in two notations, a part of a place on Earth, a parameter of a service, all other ones."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``most``: the largest number; ``choices``: what usual values mean, others may be given too."""

    name: str
    kind: Kind
    label: Any
    about: Any
    example: str
    most: int = 65_535
    choices: Mapping[str, Any] = field(default_factory=dict)
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Editor:
    """One type: its words, and its fields in the order of the value. ``layout``: how a value is cut into them."""

    type: str
    title: Any
    about: Any
    fields: tuple[Field, ...]
    layout: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(one.name for one in self.fields)
