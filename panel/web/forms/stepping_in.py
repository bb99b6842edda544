"""Forms of stepping into a member's view."""

from __future__ import annotations

from wtforms import SubmitField

from panel.identity.stepping_in import REASON_MOST, TICKET_MOST
from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Line, Required


class EnterForm(PanelForm):
    """Why a member's view is entered."""

    reason = Line(
        _l("Reason"),
        [Required()],
        description=_l("The member reads it. For example: “Mr Kowalski asked by telephone why he cannot sign in.”"),
        render_kw={"maxlength": REASON_MOST, "autocomplete": "off"},
    )
    ticket = Line(
        _l("Ticket (optional)"),
        description=_l("Its number or the date of the call."),
        render_kw={"maxlength": TICKET_MOST, "autocomplete": "off"},
    )
    submit = SubmitField(_l("Enter the view"))
