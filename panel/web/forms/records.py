"""Forms about the record as a whole."""

from __future__ import annotations

from typing import Any

from wtforms import HiddenField, TextAreaField

from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Day, Line, Required


class ExportForm(PanelForm):
    """From which day to which; without the second, to the newest."""

    since = Day(_l("From"), [Required()])
    until = Day(_l("To"))


class EraseForm(PanelForm):
    """Why a person is erased."""

    reason = Line(
        _l("Reason"),
        [Required()],
        description=_l("It is kept, so it names nobody. For example: request of 3 November."),
    )


class EraseNamedForm(PanelForm):
    """Who is erased that has no account, and why. ``sure``: what goes was shown."""

    name = Line(_l("First and last name"), description=_l("Found in either order, as whole words."))
    emails = TextAreaField(
        _l("E-mail addresses"),
        description=_l("One on a line: all that are known of this person."),
        render_kw={"rows": 3, "autocomplete": "off"},
    )
    reason = Line(_l("Reason"), description=_l("It is kept, so it names nobody. For example: request of 3 November."))
    sure = HiddenField()

    @property
    def who(self) -> dict[str, Any]:
        """What the actions take, but for the reason."""
        return {"name": self.name.text, "emails": (self.emails.data or "").split()}
