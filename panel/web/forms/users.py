"""Forms about people and their roles."""

from __future__ import annotations

from typing import Any

from panel.identity.grants import over_after
from panel.kernel.access import ROLES, Actor
from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice, Day, Line, Required
from panel.web.forms.member_text import MemberText
from panel.wording import role_word


class GrantForm(PanelForm):
    """Which role, on whom, until when."""

    role = Choice(_l("Role"))
    member_id = MemberText(_l("Member"))
    until = Day(_l("Until"), description=_l("The last day on which it holds. Empty: until it is taken back."))

    def offer(self, actor: Actor) -> None:
        """Give the roles of which ``actor`` holds every permission somewhere, and say whose they will be."""
        self.role.choices = [
            (role, role_word(role)) for role, needed in ROLES.items() if all(actor.may(one) for one in needed)
        ]
        hint = _l("Short name, TERYT or full name.")
        everywhere = _l("Short name, TERYT or full name. Empty: on the whole association.")
        self.member_id.description = everywhere if actor.may_everywhere("users:write") else hint
        if not actor.may_everywhere("users:write"):
            self.member_id.validators = [Required()]

    def values(self) -> dict[str, Any]:
        """What ``grant_role`` takes."""
        until = over_after(self.until.data)
        return {"role": self.role.data or "", "member_id": self.member_id.data, "until": until}


class NameForm(PanelForm):
    """How a person is called."""

    name = Line(_l("Name and surname"), [Required()], render_kw={"autocomplete": "off"})
