"""The form by which a mailbox's holder sets the first password."""

from __future__ import annotations

from wtforms import SubmitField, ValidationError

from panel.kernel.errors import Invalid
from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Required, Secret
from panel.wording import describe


class FirstPasswordForm(PanelForm):
    """A password, typed twice."""

    password = Secret(_l("New password"), [Required()])
    again = Secret(_l("The same password again"), [Required()])
    submit = SubmitField(_l("Set password"))

    def validate_again(self, field: Secret) -> None:
        """Both must be the same: nobody sees what is typed."""
        if field.data != self.password.data:
            raise ValidationError(describe(Invalid("password_mismatch", field=field.name)))
