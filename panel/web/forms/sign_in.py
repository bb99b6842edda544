"""Forms of signing in and of one's own account."""

from __future__ import annotations

from wtforms import HiddenField, PasswordField, ValidationError

from panel.kernel.errors import Invalid
from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Code, Line, Required, Secret
from panel.wording import describe


class CodeForm(PanelForm):
    """The six digits an authenticator app shows."""

    code = Code(_l("Code from your authenticator app"), [Required()])


class RecoveryForm(PanelForm):
    """One of the codes that were printed for the day on which the phone is lost."""

    code = Code(_l("Recovery code"), [Required()])


class OwnPasswordForm(PanelForm):
    """The present password, by somebody who has nothing stronger."""

    password = PasswordField(_l("Password"), [Required()])


class PasskeyForm(PanelForm):
    """What the browser answered, put in by the script."""

    answer = HiddenField()


class NewPasskeyForm(PasskeyForm):
    """A new passkey, and what to call it."""

    name = Line(
        _l("What to call it"), [Required()], description=_l("For example: office computer, key on my key ring.")
    )


class PasskeyNameForm(PanelForm):
    """Another name for a passkey."""

    name = Line(_l("What to call it"), [Required()])


class NewPasswordForm(PanelForm):
    """The present password, and a new one twice."""

    password = PasswordField(_l("Present password"), [Required()])
    new_password = Secret(_l("New password"), [Required()])
    again = Secret(_l("New password again"), [Required()])

    def validate_again(self, field: Secret) -> None:
        """Both must be the same: nobody sees what is typed."""
        if field.data != self.new_password.data:
            raise ValidationError(describe(Invalid("password_mismatch", field=field.name)))
