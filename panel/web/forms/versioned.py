"""Forms of rows that two people may edit at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from wtforms import Field, HiddenField, SelectField

from panel.kernel.errors import Conflict
from panel.web.forms.base import PanelForm

Result = TypeVar("Result")


class Row(Protocol):
    """A row whose version grows with each change."""

    version: Any


@dataclass(frozen=True, kw_only=True)
class Differing:
    """One field in which what was typed differs from what somebody else saved meanwhile."""

    label: str
    saved: str
    field_id: str


class VersionedForm(PanelForm):
    """A form that knows which version of the row its page showed.

    Where somebody saved another one meanwhile, nothing typed is lost: ``differing`` says what was saved, and sending
    the form again replaces it.
    """

    version = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.differing: list[Differing] = []

    def attempt_on(self, row: Row, action: Callable[[int], Result]) -> Result | None:
        """As ``attempt``; ``action`` takes the version of ``row`` that the page showed."""
        version = str(self.version.data or "")
        seen = int(version) if version.isascii() and version.isdigit() else 0
        return self.attempt(lambda: self._noticing(row, lambda: action(seen)))

    def _noticing(self, row: Row, action: Callable[[], Result]) -> Result:
        try:
            return action()
        except Conflict as conflict:
            if conflict.code == "stale":
                self._catch_up(row)
            raise

    def _catch_up(self, row: Row) -> None:
        self.version.data = str(row.version)
        for saved in type(self)(formdata=None, obj=row):
            typed = self[saved.name]
            if saved.name in self.values() and _shown(saved) != _shown(typed):
                self.differing.append(Differing(label=saved.label.text, saved=_shown(saved), field_id=typed.id))

    def values(self) -> dict[str, Any]:
        """What the action takes, by the names of the row's columns."""
        raise NotImplementedError


def _shown(field: Field) -> str:
    """What a field shows; a part of a form, like rows of contacts, is compared by what is in it."""
    if isinstance(field, SelectField):
        return str(field.data)
    text = getattr(field, "_value", None)
    return str(text()) if text else str(field.data)
