"""The form by which a mailbox's holder sets the first password."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, SubmitField, ValidationError

from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Required


class FirstPasswordForm(PanelForm):
    """A password, typed twice."""

    password = PasswordField(_l("New password"), [Required()], render_kw={"autocomplete": "new-password"})
    again = PasswordField(_l("The same password again"), [Required()], render_kw={"autocomplete": "new-password"})
    submit = SubmitField(_l("Set password"))

    def validate_again(self, field: PasswordField) -> None:
        """Both must be the same: nobody sees what is typed."""
        if field.data != self.password.data:
            raise ValidationError(gettext("The two passwords differ. Type the same one twice."))
