"""Forms of another address to sign in by."""

from __future__ import annotations

from wtforms import PasswordField

from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Line, Required


class OtherEmailForm(PanelForm):
    """Another person's new address."""

    email = Line(
        _l("New e-mail"), [Required()], render_kw={"type": "email", "autocomplete": "email", "autocapitalize": "none"}
    )


class OwnEmailForm(OtherEmailForm):
    """One's own new address, and the present password."""

    password = PasswordField(_l("Present password"), [Required()])
