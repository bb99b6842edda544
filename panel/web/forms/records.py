"""Forms about the record as a whole."""

from __future__ import annotations

from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Day, Line, Required


class ExportForm(PanelForm):
    """From which day to which; without the second, to the newest."""

    since = Day(_l("From"), [Required()])
    until = Day(_l("To"))


class EraseForm(PanelForm):
    """Why a person is erased."""

    reason = Line(
        _l("Reason"),
        [Required()],
        description=_l("It is kept, so it names nobody. For example: request of 3 November."),
    )
