"""Notices about another address to sign in by: to the new one, and to the one so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panel.kernel.i18n import _, _l


def _asked(told: Mapping[str, Any]) -> str:
    """Who asked: the person, or somebody who looks after them."""
    if told["by"]:
        return _("%(by)s asked that you sign in to the panel by %(new)s from now on.", by=told["by"], new=told["new"])
    return _("Somebody, most likely you, asked to sign in to your account by %(new)s from now on.", new=told["new"])


_UNDO = _l("If this is not right, open this link: this address stays yours, and you set a new password: %(link)s")

EMAIL_NOTICES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "email:confirm": (
        _l("Confirm your new e-mail for the panel"),
        (
            _l("The account of %(name)s in the hosting panel shall be signed in to by this address."),
            _l("Confirm it here: %(link)s"),
            _l("The link works until %(until_at)s. If you do not know of this, do nothing."),
        ),
    ),
    "email:taken": (
        _l("This e-mail has an account in the panel already"),
        (
            _l("Somebody wanted to use this address for another account of the panel. Nothing was changed."),
            _l("Each address belongs to one account. If it was you, sign in by this address: %(panel)s/login"),
        ),
    ),
    "email:asked": (
        _l("Your e-mail for the panel is about to change"),
        (_asked, _l("It changes only once it is confirmed from there. Until then nothing is different."), _UNDO),
    ),
    "email:changed": (
        _l("Your e-mail for the panel was changed"),
        (
            _l("From now on you sign in to the panel by %(new)s, and its messages go there."),
            _UNDO,
            _l("The link works for 14 days."),
        ),
    ),
    "email:undone": (
        _l("Your earlier e-mail for the panel is back"),
        (
            _l("You sign in by this address again, with the password that was set just now. All sessions were ended."),
            _l("Look at your second factors, outside accounts and last sign-ins: %(panel)s/account"),
        ),
    ),
}
"""Code → subject and lines, as in ``wording/notices.py``."""
