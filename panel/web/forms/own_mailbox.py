"""Forms of a mailbox's holder."""

from __future__ import annotations

from panel.kernel.i18n import _l
from panel.web.forms.activation import FirstPasswordForm
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Line, Required, Secret


class ComeInForm(PanelForm):
    """Address and password of a mailbox."""

    address = Line(_l("E-mail"), [Required()], render_kw={"type": "email"})
    password = Secret(_l("Password"), [Required()], render_kw={"autocomplete": "current-password"})


class OwnPasswordForm(FirstPasswordForm):
    """The password so far, and the new one twice."""

    old = Secret(_l("The password so far"), [Required()], render_kw={"autocomplete": "current-password"})
