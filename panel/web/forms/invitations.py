"""Forms of invitations and of the passwords that people set by links."""

from __future__ import annotations

from typing import Any

from wtforms import SubmitField

from panel.kernel.access import ROLES, Actor
from panel.kernel.i18n import _l
from panel.web.forms.activation import FirstPasswordForm
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice, Line, Required
from panel.web.forms.member_text import MemberText
from panel.wording import role_word


class InvitationForm(PanelForm):
    """Whom to invite, and to what."""

    email = Line(_l("E-mail"), [Required()], render_kw={"type": "email"})
    name = Line(_l("Name and surname"), description=_l("So that the list says who it is; they can correct it."))
    role = Choice(_l("Role"))
    member_id = MemberText(_l("Member"))
    language = Choice(_l("Language of the message"), choices=[("pl", "polski"), ("en", "English")])
    submit = SubmitField(_l("Send invitation"))

    def offer(self, actor: Actor) -> None:
        """Give the roles of which ``actor`` holds every permission, and say whose they will be."""
        held = [role for role, needed in ROLES.items() if all(actor.may(one) for one in needed)]
        self.role.choices = [(role, role_word(role)) for role in held]
        hint = _l("Short name, TERYT or full name.")
        everywhere = _l("Short name, TERYT or full name. Empty: on the whole association.")
        self.member_id.description = everywhere if actor.may_everywhere("users:invite") else hint

    def values(self) -> dict[str, Any]:
        """What ``invite`` takes."""
        return {
            "email": self.email.text,
            "name": self.name.text,
            "role": self.role.data or "",
            "member_id": self.member_id.data,
            "language": self.language.data or "pl",
        }


class NewAccountForm(FirstPasswordForm):
    """Name and password of a new account."""

    name = Line(_l("Name and surname"), [Required()], render_kw={"autocomplete": "name"})


class AskForm(PanelForm):
    """The address by which somebody signs in."""

    email = Line(_l("E-mail"), [Required()], render_kw={"type": "email", "autocomplete": "username"})
    submit = SubmitField(_l("Send me a link"))


class ReasonForm(PanelForm):
    """Why something is done to another person's account."""

    reason = Line(
        _l("Reason"), [Required()], description=_l("The person reads it. For example: lost phone, asked by telephone.")
    )
    submit = SubmitField(_l("Remove all second factors"))
