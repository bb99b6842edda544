"""What all forms share: trying an action, and putting its errors where they belong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms import Field, FieldList, FormField

from panel.kernel.errors import Conflict, Invalid, OverLimit, PanelError
from panel.wording import describe

Result = TypeVar("Result")


class PanelForm(FlaskForm):
    """A form whose errors, its own and the action's, stand at their fields.

    Fields in rows are known by their whole name too: ``form["items.0.quantity"]``.
    """

    def attempt(self, action: Callable[[], Result]) -> Result | None:
        """Do ``action`` if the form was sent and can be read; None where the page must be shown (again).

        What the action refuses (Invalid, Conflict, OverLimit) becomes an error at its field. NotFound and NotAllowed
        are no matter of the form and go on to the error pages.
        """
        if not self.validate_on_submit():
            return None
        try:
            return action()
        except (Invalid, Conflict, OverLimit) as error:
            self.refuse(error)
            return None

    def refuse(self, error: PanelError) -> None:
        """Show ``error`` (each of them, where there are several) at the field it names, else above the form."""
        for one in error.errors if isinstance(error, Invalid) else [error]:
            name = self.name_of(one.field or "")
            if name in self:
                self[name].errors = [*_texts(self[name]), describe(one)]
            else:
                self.form_errors.append(describe(one))

    def name_of(self, path: str) -> str:
        """The name of the field that an action's error names; the same, unless the form counts its rows otherwise."""
        return path

    @property
    def errors(self) -> dict[str | None, list[Any]]:
        """Everything that is wrong, by the whole names of fields; None for what belongs to no field."""
        found: dict[str | None, list[Any]] = {field.name: _texts(field) for field in _within(self) if _texts(field)}
        return {None: self.form_errors, **found} if self.form_errors else found

    def __contains__(self, name: str | None) -> bool:
        return any(field.name == name for field in _within(self))

    def __getitem__(self, name: str) -> Field:
        return self._fields[name] if name in self._fields else next(f for f in _within(self) if f.name == name)

    @property
    def status(self) -> int:
        """The page's HTTP status: 422 once something was refused."""
        return 422 if self.errors else 200


def _within(fields: Iterable[Field]) -> Iterator[Field]:
    """Every field, and every field of its rows."""
    for field in fields:
        yield field
        if isinstance(field, FieldList | FormField):
            yield from _within(field)


def _texts(field: Field) -> list[Any]:
    """A field's own errors: those of the fields in it are told by them."""
    if isinstance(field, FormField):
        return []
    return [error for error in field.errors if error and not isinstance(error, dict | list | tuple)]
