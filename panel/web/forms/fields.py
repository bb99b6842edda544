"""Fields that read what people type: lines, whole numbers, money, days, members."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from markupsafe import Markup
from wtforms import Field, PasswordField, SelectField, StringField
from wtforms.validators import StopValidation
from wtforms.widgets import TextInput

from panel.kernel.errors import Invalid
from panel.wording import describe

_DAY_FORMATS = ("%Y-%m-%d", "%d.%m.%Y")
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_SPACES = dict.fromkeys(map(ord, " \u00a0\u202f\u2009"))


class Required:
    """Refuse an empty field in the panel's own words."""

    field_flags: ClassVar = {"required": True}

    def __call__(self, _form: object, field: Field) -> None:
        """Stop at the first error; what could not be read has one already."""
        if not field.raw_data or not str(field.raw_data[0]).strip():
            field.errors = []
            raise StopValidation(describe(Invalid("required", field=field.name)))


class Line(StringField):
    """One line of text, ``""`` where nothing came. Kept as typed: the action knows what to strip."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text that was sent, if text was sent."""
        self.data = valuelist[0] if valuelist and isinstance(valuelist[0], str) else ""

    @property
    def text(self) -> str:
        """What was typed."""
        return self.data or ""


class Code(Line):
    """A line that opens something, once: not shown again, unlike other lines, however it was mistyped."""

    def _value(self) -> str:
        return ""


class Secret(PasswordField):
    """A new password: never shown again, and a new one for password managers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"render_kw": {"autocomplete": "new-password"}, **kwargs})

    @property
    def text(self) -> str:
        """What was typed."""
        return self.data or ""


class Choice(SelectField):
    """One of several; that it is one of them is the action's to check, so that its words are shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"validate_choice": False, **kwargs})
        self.type = "SelectField"  # the name by which templates choose how a field looks


class Typed(Field):
    """A line that stands for a value: shown again as it was typed when it cannot be read."""

    widget = TextInput()
    code = "text_bad"

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed; raises ValueError with the words for the reader."""
        self.data = None
        text = valuelist[0].strip() if valuelist and isinstance(valuelist[0], str) else ""
        if text:
            self.data = self._read(text)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self._show(self.data)

    def _bad(self) -> ValueError:
        return ValueError(describe(Invalid(self.code, field=self.name)))

    def _read(self, text: str) -> Any:
        raise NotImplementedError

    def _show(self, value: Any) -> str:
        return str(value)


class WholeNumber(Typed):
    """A whole number in ASCII digits, spaces between them allowed; ``0.5`` and ``x`` are none."""

    code = "whole_number"

    def _read(self, text: str) -> int:
        digits = text.translate(_SPACES)
        if not _WHOLE.fullmatch(digits):
            raise self._bad()
        return int(digits)

    def __call__(self, **kwargs: Any) -> Markup:
        """Ask phones for their number keys."""
        return super().__call__(**{"inputmode": "numeric", **kwargs})


class Money(Typed):
    """An amount in PLN: ``1 234,50`` and ``1234.50`` alike."""

    code = "money_bad"

    def _read(self, text: str) -> Decimal:
        try:
            return Decimal(text.translate(_SPACES).replace(",", "."))
        except InvalidOperation:
            raise self._bad() from None

    def _show(self, value: Decimal) -> str:
        return f"{value:.2f}".replace(".", ",")

    def __call__(self, **kwargs: Any) -> Markup:
        """Ask phones for their number keys."""
        return super().__call__(**{"inputmode": "decimal", **kwargs})


class Day(Typed):
    """A date from the browser's picker (ISO) or typed as ``22.11.2026``."""

    widget = TextInput()
    code = "date_bad"

    def _read(self, text: str) -> date:
        for pattern in _DAY_FORMATS:
            try:
                return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a calendar day has no time zone
            except ValueError:
                continue
        raise self._bad()

    def _show(self, value: date) -> str:
        return value.isoformat()

    def __call__(self, **kwargs: Any) -> Markup:
        """A date picker where the browser has one."""
        return super().__call__(**{"type": "date", **kwargs})


class Identifier(Typed):
    """A row's id in a hidden field or a select; anything else is no choice."""

    code = "choice"

    def _read(self, text: str) -> uuid.UUID:
        try:
            return uuid.UUID(text)
        except ValueError:
            raise self._bad() from None
