"""Notices about one's own sign-in: new places, factors that came or went, the password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panel.kernel.i18n import _, _l, ngettext
from panel.wording.factors import factor_word


def _added(told: Mapping[str, Any]) -> str:
    return _("A second factor was set up for your account: %(factor)s.", factor=factor_word(told["factor"]))


def _removed(told: Mapping[str, Any]) -> str:
    return _("A second factor of your account was removed: %(factor)s.", factor=factor_word(told["factor"]))


def _left(told: Mapping[str, Any]) -> str:
    return ngettext("%(num)s recovery code is left.", "%(num)s recovery codes are left.", told["left"])


_TIME = _l("Time: %(happened_at)s")
_NOT_YOU = _l("If it was not you, call us at once, and change your password: %(panel)s/account")

SIGN_IN_NOTICES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "sign_in:new_place": (
        _l("Sign-in from a new place"),
        (
            _l("Somebody signed in to your account from a place not seen before: %(agent)s, address %(address)s."),
            _TIME,
            _l("If this was you, there is nothing to do."),
            _l("If it was not, change your password and end all other sessions: %(panel)s/account"),
        ),
    ),
    "sign_in:recovery_code_used": (
        _l("A recovery code was used"),
        (
            _l("Somebody gave one of your recovery codes, from the address %(address)s."),
            _TIME,
            _left,
            _l("If it was not you, change your password and make new codes: %(panel)s/account"),
        ),
    ),
    "account:factor_added": (_l("A second factor was set up"), (_added, _TIME, _NOT_YOU)),
    "account:factor_removed": (_l("A second factor was removed"), (_removed, _TIME, _NOT_YOU)),
    "account:factors_removed": (
        _l("Your second factors were removed"),
        (
            _l("%(by)s removed all second factors of your account. Reason: %(reason)s"),
            _TIME,
            _l("Sign in with your password and set up a new one: %(panel)s/account"),
        ),
    ),
    "account:recovery_codes_made": (
        _l("New recovery codes were made"),
        (
            _l("New recovery codes were made for your account; earlier ones open nothing any more."),
            _TIME,
            _l("If it was not you, change your password and make new codes: %(panel)s/account"),
        ),
    ),
    "account:password_changed": (
        _l("Your password was changed"),
        (
            _l("The password of your account was changed, and all other sessions were ended."),
            _TIME,
            _l("If it was not you, ask for a new password at once: %(panel)s/reset"),
        ),
    ),
}
"""Code → subject and lines of the text."""
