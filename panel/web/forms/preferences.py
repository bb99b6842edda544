"""What one is told of, and when."""

from __future__ import annotations

from panel.kernel.i18n import _l
from panel.notices.preferences import choices_of
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice

_CHOICES = {"now": _l("at once"), "daily": _l("once a day, in one message"), "none": _l("not at all")}


class PreferencesForm(PanelForm):
    """One choice for each topic; what is about security is no matter of choice."""

    contracts = Choice(
        _l("Contracts"), description=_l("Contracts that end, services that will be held back or let go on.")
    )
    orders = Choice(_l("Orders"), description=_l("What became of what was ordered."))
    mail = Choice(_l("Mail"), description=_l("Mailboxes and addresses."))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for topic, field in (("contracts", self.contracts), ("orders", self.orders), ("mail", self.mail)):
            field.choices = [(name, _CHOICES[name]) for name in choices_of(topic)]

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics by their names."""
        return ("contracts", "orders", "mail")

    @property
    def chosen(self) -> dict[str, str]:
        """What was chosen for each topic."""
        return {topic: self[topic].data for topic in self.topics}
