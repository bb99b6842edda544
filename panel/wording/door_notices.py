"""Notices about ways in: invitations, new passwords, attacks, providers that people sign in with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panel.kernel.i18n import _, _l
from panel.wording.names import role_word


def _offered(told: Mapping[str, Any]) -> str:
    """Who offers which role, and where."""
    words = {"inviter": told["inviter"], "role": role_word(told["role"]), "member": told["member"]}
    if told["member"]:
        return _("%(inviter)s invites you to the hosting panel as: %(role)s, %(member)s.", **words)
    return _("%(inviter)s invites you to the hosting panel as: %(role)s, the whole association.", **words)


DOOR_NOTICES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "sign_in:under_attack": (
        _l("Somebody keeps trying to sign in to your account"),
        (
            _l("Wrong passwords were tried at your account many times. Nobody got in by them."),
            _l("From places where you signed in before you can go on as ever; elsewhere you may have to wait."),
            _l("If it is you who forgot the password, ask for a new one: %(panel)s/reset"),
        ),
    ),
    "invitation:sent": (
        _l("Invitation to the hosting panel"),
        (
            _offered,
            _l("Open this link to accept: %(link)s"),
            _l("It works once, until %(until_at)s. If you do not know the person who invites you, do nothing."),
        ),
    ),
    "invitation:accepted": (
        _l("%(name)s accepted your invitation"),
        (_l("%(name)s (%(email)s) has the role you offered and can sign in now."),),
    ),
    "reset:sent": (
        _l("New password for the panel"),
        (
            _l("Somebody, most likely you, asked for a new password for your account. Set it here: %(link)s"),
            _l("The link works once, for an hour. If it was not you, do nothing: your password stays."),
        ),
    ),
    "reset:no_password": (
        _l("Your account has no password"),
        (
            _l("Somebody, most likely you, asked for a new password. Your account has none: you sign in otherwise."),
            _l("Choose on the sign-in page how you signed in before: %(panel)s/login"),
            _l("If you want a password, ask your administrator for a link by which you set one."),
        ),
    ),
    "account:outside_add": (
        _l("An outside account was linked to yours"),
        (
            _l("On %(happened_at)s an account of %(provider)s was linked: whoever signs in by it is you here."),
            _l("If it was not you, sign in, remove the link and change your password: %(panel)s/account/outside"),
        ),
    ),
    "account:outside_remove": (
        _l("An outside account was removed from yours"),
        (_l("On %(happened_at)s the link to an account of %(provider)s was removed."),),
    ),
    "account:password_reset": (
        _l("Your password was set anew"),
        (
            _l("On %(happened_at)s a new password was set by the link in your mail. You were signed out everywhere."),
            _l("If it was not you, ask for a new password at once and tell your administrator: %(panel)s/reset"),
        ),
    ),
}
"""Code → subject and lines, as in ``wording/notices.py``."""
