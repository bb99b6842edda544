"""What all forms share: trying an action, and putting its errors where they belong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask_wtf import FlaskForm
from wtforms import Field, FieldList, FormField

from panel.kernel.errors import Conflict, Invalid, OverLimit, PanelError
from panel.wording import describe

Result = TypeVar("Result")


class PanelForm(FlaskForm):
    """A form whose errors, its own and the action's, stand at their fields."""

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
            field = self.field_at(one.field) if one.field else None
            if field is None:
                self.form_errors.append(describe(one))
            else:
                field.errors = [*field.errors, describe(one)]

    def field_at(self, path: str) -> Field | None:
        """The field an action's ``path`` names, ``items.0.quantity`` among them; None where the form has none."""
        name, *rest = path.split(".")
        found = self._fields.get(name)
        for part in rest:
            found = _below(found, part)
        return found

    @property
    def status(self) -> int:
        """The page's HTTP status: 422 once something was refused."""
        return 422 if self.errors else 200


def _below(field: Field | None, part: str) -> Field | None:
    if isinstance(field, FieldList):
        return field.entries[int(part)] if part.isdigit() and int(part) < len(field.entries) else field
    if isinstance(field, FormField):
        return field.form._fields.get(part)
    return field
