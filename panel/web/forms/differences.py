"""Forms by which a difference is decided."""

from __future__ import annotations

from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Day, Line, Required
from panel.web.forms.member_text import MemberText


class KeepForm(PanelForm):
    """Why a difference stays, and until when."""

    reason = Line(_l("Reason"), [Required()], description=_l("Whoever reads it later should understand it."))
    until = Day(_l("Until"), [Required()], description=_l("Then it waits for a decision again. At most a year."))


class AdoptForm(PanelForm):
    """What was found becomes wanted, for a member where the panel knew nothing of it."""

    member_id = MemberText(_l("Member"))
