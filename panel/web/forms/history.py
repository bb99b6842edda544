"""What narrows a member's history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice, Day, Line


class NarrowForm(PanelForm):
    """Person, kind, days and words; sent by GET, so that its address can be kept."""

    search = Line(_l("Part of a name or address"))
    person = Choice(_l("Person"))
    kind = Choice(_l("About"))
    since = Day(_l("From"))
    until = Day(_l("To"))

    def offer(self, kinds: Iterable[tuple[str, Any]], people: Iterable[tuple[str, str]]) -> None:
        """Give the kinds and people to choose from."""
        self.kind.choices = [("", _l("everything")), *kinds]
        self.person.choices = [("", _l("anybody")), *people]
