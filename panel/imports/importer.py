"""What a kind of thing must be able to say and do to be imported."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from panel.kernel.access import Actor
from panel.kernel.errors import Invalid, PanelError


@dataclass(frozen=True, kw_only=True)
class Column:
    """A field that a column can hold. ``headings``: what people call it, plain (``reading.plain``), best first.

    ``secret``: never shown again, forgotten once the row is done with.
    """

    name: str
    headings: tuple[str, ...]
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row as it was mapped: a text for each field that has a column, empty where nothing stands."""

    line: int
    values: Mapping[str, str] = field(repr=False)

    def text(self, name: str) -> str:
        """What stands in the column of ``name``; nothing where there is no such column."""
        return self.values.get(name, "")


@dataclass(kw_only=True)
class Verdict:
    """What would become of a row. ``identity``: what no other row of the file may ask for as well.

    ``wanted``: what the kind's own ``write`` needs to do it.
    """

    would: str = ""
    errors: list[PanelError] = field(default_factory=list)
    warnings: list[PanelError] = field(default_factory=list)
    identity: tuple[str, ...] = ()
    wanted: Any = field(default=None, repr=False)
    resource_id: uuid.UUID | None = None

    @property
    def word(self) -> str:
        """*ok*, *warning* or *error*."""
        return "error" if self.errors else "warning" if self.warnings else "ok"

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Put what an action raises within among the errors; the row it names is known without it."""
        try:
            yield
        except PanelError as error:
            self.errors += error.errors if isinstance(error, Invalid) else [error]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A verdict for each row, and what is wrong with the whole of them (room that contracts do not grant)."""

    verdicts: list[Verdict]
    problems: list[PanelError] = field(default_factory=list)


Write = Callable[[], list[uuid.UUID | None]]
"""Does what was prepared, in the running unit of work; returns the id of what each row made or changed."""


class Importer(Protocol):
    """One kind. It asks the kind's own actions what is right, and has them do it."""

    @property
    def name(self) -> str:
        """The kind."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What its columns can hold."""

    def require(self, actor: Actor, member_id: uuid.UUID | None) -> None:
        """Go on only if ``actor`` may import this at all, for ``member_id`` where rows do not say for whom."""

    def check(self, actor: Actor, rows: Sequence[Row], *, member_id: uuid.UUID | None) -> Checked:
        """What would become of each row now; changes nothing."""

    def prepare(self, actor: Actor, verdicts: Sequence[Verdict]) -> Write:
        """Do what takes time and needs no lock (hashing), for rows without errors; the result writes them."""
