"""The form by which one hands a role over."""

from __future__ import annotations

from typing import Any

from wtforms import SubmitField

from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Day, Line, Required


class HandOverForm(PanelForm):
    """Who takes one's role over, and until when one keeps it."""

    email = Line(
        _l("Successor's e-mail"), [Required()], description=_l("Of their own, not the mailbox you leave behind.")
    )
    name = Line(_l("Successor's name"))
    ends_on = Day(_l("Your last day"), [Required()], description=_l("Today or up to 90 days ahead."))
    submit = SubmitField(_l("Hand my role over"))

    def values(self) -> dict[str, Any]:
        """What ``hand_over`` takes."""
        return {"email": self.email.text, "name": self.name.text, "ends_on": self.ends_on.data}
