"""Forms of stepping into a member's view."""

from __future__ import annotations

from typing import Any

from wtforms import SubmitField

from panel.identity.stepping_in import REASON_MOST, TICKET_MOST
from panel.kernel.i18n import _l
from panel.mail.agreed import ACTIONS
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice, Line, Required, WholeNumber
from panel.wording import change_word


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


class AskForm(PanelForm):
    """One change that the member shall agree to."""

    action = Choice(_l("Change"), [Required()])
    mailbox = Line(_l("Mailbox"), description=_l("Its whole address. Leave empty for a new mailbox."))
    address = Line(
        _l("New address"), description=_l("Whole, with the domain: of a new mailbox, or instead of the old one.")
    )
    quota_mb = WholeNumber(_l("Capacity in MB"), description=_l("For a new mailbox, or for another capacity."))
    submit = SubmitField(_l("Ask the member"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.action.choices = [(name, change_word(f"mail:mailbox:{name}")) for name in ACTIONS]

    def name_of(self, path: str) -> str:
        """The action knows mailboxes by id, people by address."""
        return "mailbox" if path == "mailbox_id" else path
