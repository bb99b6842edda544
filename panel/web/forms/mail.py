"""Forms of mailboxes and mail domains."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from wtforms import BooleanField, SubmitField

from panel.kernel.errors import Conflict
from panel.kernel.i18n import _l
from panel.mail.actions import DEFAULT_QUOTA_MB
from panel.mail.naming import like_others
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice, Line, Required, Secret, WholeNumber
from panel.web.forms.member_text import MemberText

Result = TypeVar("Result")


class AddressForm(PanelForm):
    """An address in two parts: what stands before ``@``, and one of the domains there are."""

    address = Line(
        _l("Address"),
        [Required()],
        description=_l("Letters without Polish marks, digits, dot, hyphen or underscore. For example: jan.kowalski"),
    )
    domain = Choice(_l("Domain"))
    sure = BooleanField(_l("Take this address, though another member's is almost the same"))
    reason = Line(
        _l("Reason (optional)"),
        description=_l("Only for an address that was another member's in the last five years. It is kept on record."),
    )

    def offer(self, names: list[str]) -> None:
        """Give the domains to choose from."""
        self.domain.choices = [(name, f"@{name}") for name in names]

    def whole_address(self) -> str:
        """Both parts together; a whole address typed into the first part counts once."""
        local, domain = self.address.text, self.domain.data or ""
        return local if local.lower().endswith(f"@{domain}") else f"{local}@{domain}"

    def attempt_surely(self, member_id: uuid.UUID | None, action: Callable[[], Result]) -> Result | None:
        """Do ``action`` as ``attempt`` does; for an address like another member's only where that was confirmed."""

        def ask_first() -> Result:
            asked = [] if member_id is None else [(member_id, self.whole_address().strip(" ").lower())]
            if not self.sure.data and like_others(asked):
                raise Conflict("near_double", field="sure")
            return action()

        return self.attempt(ask_first)


class NewMailboxForm(AddressForm):
    """A new mailbox."""

    quota_mb = WholeNumber(
        _l("Capacity in MB"), [Required()], default=DEFAULT_QUOTA_MB, description=_l("1024 MB is 1 GB.")
    )
    password = Secret(
        _l("Password (optional)"),
        description=_l(
            "Leave empty: you will get a one-time link by which the holder sets a password that nobody else knows."
        ),
    )
    submit = SubmitField(_l("Create mailbox"))

    def values(self) -> dict[str, Any]:
        """What ``create_mailbox`` takes."""
        return {
            "address": self.whole_address(),
            "quota_mb": self.quota_mb.data,
            "password": self.password.text or None,
            "reason": self.reason.text,
        }


class RenameForm(AddressForm):
    """Another address for a mailbox."""

    submit = SubmitField(_l("Change address"))


class QuotaForm(PanelForm):
    """Another capacity."""

    quota_mb = WholeNumber(_l("Capacity in MB"), [Required()], description=_l("1024 MB is 1 GB."))
    submit = SubmitField(_l("Change capacity"))


class ManyForm(PanelForm):
    """What to do with many mailboxes; ``digest``: that of what was shown before."""

    action = Line(_l("What to do"))
    quota_mb = WholeNumber(_l("Capacity in MB"), description=_l("1024 MB is 1 GB."))
    digest = Line(_l("What was shown"))


class PasswordForm(PanelForm):
    """A password set for the holder."""

    password = Secret(
        _l("New password"),
        [Required()],
        description=_l("At least 12 characters. Several words are easier to remember than signs."),
    )
    submit = SubmitField(_l("Set password"))


class TakeOverForm(PanelForm):
    """A successor, and the document by which the mailbox is handed over."""

    successor = Line(_l("Successor"), [Required()], description=_l("Name and surname of who takes the mailbox over."))
    authority = Line(
        _l("By authority of"),
        [Required()],
        description=_l("The document that allows it. For example: Order no. 12/2026"),
    )
    earlier = Line(_l("Holder until now (optional)"), description=_l("Who used it so far; both names stay on record."))
    submit = SubmitField(_l("Hand over to the successor"))

    def values(self) -> dict[str, Any]:
        """What ``take_over`` takes."""
        return {"successor": self.successor.text, "authority": self.authority.text, "earlier": self.earlier.text}


class DomainForm(PanelForm):
    """A new mail domain."""

    name = Line(_l("Domain name"), [Required()], description=_l("For example: poczta.koscian.pl"))
    member_id = MemberText(
        _l("Member"), description=_l("Short name, TERYT or full name. Empty: a domain of the association's own.")
    )
    submit = SubmitField(_l("Add domain"))
