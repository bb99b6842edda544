"""The form of a child zone that programs change."""

from __future__ import annotations

from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Line


class UpdatesForm(PanelForm):
    """A host name below which the child zone is to stand."""

    host = Line(
        _l("Host name"),
        description=_l("The name that the certificate is for, for example www. Empty: the name of the zone."),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
