"""The form by which many zones are changed at once."""

from __future__ import annotations

from wtforms import BooleanField, HiddenField, SelectField

from panel.dns.choosing import Wish
from panel.dns.committing import COMMENT_MOST
from panel.dns.judging import DEFAULT_TTL
from panel.dns.records.editors import EDITORS
from panel.dns.rewriting import Rewriting
from panel.kernel.i18n import _, _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Line, WholeNumber

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class ManyZonesForm(PanelForm):
    """What to do with many zones; ``digest``: that of what was shown before."""

    action = Line(_l("What to do"))
    type = SelectField(_l("Type of records"), validate_choice=False, default="")
    old = Line(
        _l("Value so far"),
        description=_l("The whole value as it stands in the zones, for example the old server's address 192.0.2.10."),
        render_kw=_PLAIN,
    )
    new = Line(_l("Value from now"), description=_l("It takes that one's place wherever it stands."), render_kw=_PLAIN)
    ttl = WholeNumber(
        _l("Kept for (seconds)"),
        default=DEFAULT_TTL,
        description=_l("How long others may remember the answer: 60 to 604800. An hour is 3600."),
    )
    comment = Line(
        _l("Comment (optional)"),
        description=_l("Why. It is shown beside the version, for example: new web server."),
        render_kw={"maxlength": COMMENT_MOST, "autocomplete": "off"},
    )
    accept_warnings = BooleanField(_l("I looked at the warnings; save it all the same"))
    digest = HiddenField()

    def offer(self) -> None:
        """Give the types to choose from."""
        every = [] if self.action.text == "replace" else [("", _("all"))]
        self.type.choices = [*every, *((one.type, f"{one.type} – {one.title}") for one in EDITORS.values())]

    def wish(self) -> Wish:
        """What is wished, of which parts that are no matter of it are left out."""
        action, type_ = self.action.text, self.type.data or ""
        if action == "ttl":
            return Wish(action=action, rewriting=Rewriting(type=type_, ttl=self.ttl.data))
        if action == "replace":
            return Wish(action=action, rewriting=Rewriting(type=type_, old=self.old.text, new=self.new.text))
        return Wish(action=action)
