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


def factor_word(factor: str) -> str:
    """Name one thing that was given."""
    return str(_FACTORS.get(factor, factor))


def factors_words(factors: Sequence[str]) -> str:
    """Name all that was given, in order."""
    return ", ".join(factor_word(factor) for factor in factors)


def rule_words(rule: str) -> str:
    """Say what a role asks of its holder."""
    return str(_RULES.get(rule, rule))
