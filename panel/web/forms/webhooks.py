"""The form of a webhook."""

from __future__ import annotations

from typing import Any

from wtforms import SubmitField, TextAreaField

from panel.kernel.access import Actor
from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Line, Required
from panel.web.forms.member_text import MemberText


class WebhookForm(PanelForm):
    """Where to send what."""

    url = Line(
        _l("Address"),
        [Required()],
        description=_l("Where your program listens, for example https://example.com/hooks/cis. It must be public."),
        render_kw={"type": "url"},
    )
    name = Line(_l("Name"), description=_l("So that the list says what it is for. Empty: the host's name."))
    member_id = MemberText(_l("Member"))
    events = TextAreaField(
        _l("Events"),
        description=_l("Beginnings of tags, one on a line, for example mail:mailbox. Empty: all."),
        render_kw={"rows": 3, "spellcheck": "false"},
    )
    kinds = TextAreaField(
        _l("Kinds"),
        description=_l("Only events about these kinds, one on a line, for example mailbox. Empty: all."),
        render_kw={"rows": 3, "spellcheck": "false"},
    )
    submit = SubmitField(_l("Save"))

    def offer(self, actor: Actor) -> None:
        """Say whose events can be sent."""
        hint = _l("Short name, TERYT or full name.")
        everywhere = _l("Short name, TERYT or full name. Empty: on the whole association.")
        self.member_id.description = everywhere if actor.may_everywhere("webhooks:write") else hint

    def values(self) -> dict[str, Any]:
        """What the actions take, but for the member."""
        return {
            "url": self.url.text,
            "name": self.name.text,
            "events": (self.events.data or "").split(),
            "kinds": (self.kinds.data or "").split(),
        }
