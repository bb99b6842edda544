"""What people prove who they are with, and what roles ask for, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from panel.kernel.i18n import _l

_FACTORS: dict[str, Any] = {
    "password": _l("password"),
    "totp": _l("code from the app"),
    "passkey": _l("passkey"),
    "recovery_code": _l("recovery code"),
    "outside": _l("outside account"),
    "reset": _l("link from a message"),
    "invitation": _l("invitation"),
}
_RULES: dict[str, Any] = {
    "must": _l("needs a second factor before anything else"),
    "grace": _l("needs a second factor, soon after the first sign-in"),
    "may": _l("may have a second factor"),
}


_ENDED: dict[str, Any] = {
    "expired": _l("You were not here for a while, so your session ended. Sign in again."),
    "ended": _l("Your session was ended from another browser."),
    "password_changed": _l("The password of your account was changed, so your session ended."),
    "password_reset": _l("The password of your account was changed, so your session ended."),
    "factors_changed": _l("The second factors of your account were changed, so your session ended."),
    "factors_removed": _l("The second factors of your account were changed, so your session ended."),
}


def ended_words(why: str) -> str:
    """Say why a session is over; whatever has no words of its own is over, and that is all."""
    return str(_ENDED.get(why, _l("Your session is over. Sign in again.")))


def factor_word(factor: str) -> str:
    """Name one thing that was given."""
    return str(_FACTORS.get(factor, factor))


def factors_words(factors: Sequence[str]) -> str:
    """Name all that was given, in order."""
    return ", ".join(factor_word(factor) for factor in factors)


def rule_words(rule: str) -> str:
    """Say what a role asks of its holder."""
    return str(_RULES.get(rule, rule))
