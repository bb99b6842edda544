"""The panel's errors: a code and parameters. Each edge turns codes into its own words and statuses."""

from __future__ import annotations

from typing import Any


class PanelError(Exception):
    """Something the person who asked can understand. ``code`` is stable, ``params`` fill the translated text.

    ``field`` names the input at fault (API and form name), None where no single field is.
    """

    def __init__(self, code: str, *, field: str | None = None, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.params = params


class NotFound(PanelError):
    """Absent, or out of the actor's reach: both look the same."""


class NotAllowed(PanelError):
    """In the actor's reach, but the role does not hold the permission (``params["permission"]``)."""


class Invalid(PanelError):
    """A value is wrong; correct it and ask again. ``errors`` lists every bad field when there are several."""

    def __init__(
        self, code: str, *, field: str | None = None, errors: list[Invalid] | None = None, **params: Any
    ) -> None:
        super().__init__(code, field=field, **params)
        self.errors = errors or [self]


class Conflict(PanelError):
    """The value is fine, but something else holds its place or changed meanwhile."""


class OverLimit(PanelError):
    """The member's contracts do not grant that much (``params``: ``kind``, ``granted``, ``used``, ``wanted``)."""


class TooMany(PanelError):
    """Tried too often; worth another try after ``params["seconds"]``."""
