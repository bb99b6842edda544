"""Proving who one is: each try is counted before it is looked at, and what was wrong is written down.

Each function returns the name of what was given.
"""

from __future__ import annotations

from collections.abc import Callable

from panel.identity.limits import address_key, attempt, forget, give_back, network_of
from panel.identity.models import User
from panel.identity.passkeys import check_passkey
from panel.identity.recovery_codes import take_recovery_code
from panel.identity.second_factor import take_code
from panel.identity.sign_ins import note_refusal
from panel.kernel.errors import Invalid
from panel.kernel.passwords import is_user_password

_WHAT = "second_factor"
_REFUSALS = {
    "totp": ("code_wrong", "code"),
    "recovery_code": ("recovery_code_wrong", "code"),
    "passkey": ("passkey_bad", "answer"),
    "password": ("own_password_wrong", "password"),
}
"""Code and field of what is said where it was wrong."""


def prove_by_code(user: User, code: str, *, address: str, agent: str) -> str:
    """Take the code of an authenticator app. Raises Invalid ``code_wrong``, TooMany."""
    return _prove(user, "totp", lambda: take_code(user, code), address=address, agent=agent)


def prove_by_recovery_code(user: User, code: str, *, address: str, agent: str) -> str:
    """Use a recovery code up. Raises Invalid ``recovery_code_wrong``, TooMany."""

    def is_right() -> bool:
        return take_recovery_code(user, code, address=address)

    return _prove(user, "recovery_code", is_right, address=address, agent=agent)


def prove_by_passkey(user: User, *, challenge: str, answer: str, address: str, agent: str) -> str:
    """Take the answer of one of ``user``'s passkeys. Raises Invalid ``passkey_bad``, TooMany."""

    def is_right() -> bool:
        try:
            check_passkey(challenge=challenge, answer=answer, user=user)
        except Invalid:
            return False
        return True

    return _prove(user, "passkey", is_right, address=address, agent=agent)


def prove_by_password(user: User, password: str, *, address: str, agent: str) -> str:
    """Take the password of somebody who is signed in. Raises Invalid ``password_wrong``, TooMany."""

    def is_right() -> bool:
        return user.password is not None and is_user_password(password, user.password)

    return _prove(user, "password", is_right, address=address, agent=agent)


def _prove(user: User, factor: str, is_right: Callable[[], bool], *, address: str, agent: str) -> str:
    account, place = str(user.id), _place(user, address)
    attempt(_WHAT, account, *place, user_id=user.id)
    if not is_right():
        note_refusal(user.id, address=address, agent=agent, factor=factor)
        code, field = _REFUSALS[factor]
        raise Invalid(code, field=field)
    forget(_WHAT, account)
    give_back(_WHAT, *place)
    return factor


def _place(user: User, address: str) -> tuple[str, ...]:
    """The address the try is counted at; none where ``user`` signed in from before.

    One address that tries codes at many accounts has to wait; it keeps nobody out who works there.
    """
    here = network_of(address)
    is_known = here in (network_of(user.current_login_ip), network_of(user.last_login_ip))
    return () if is_known or not here else (address_key(address),)
