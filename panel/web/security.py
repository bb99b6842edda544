"""The first step of signing in, address and password, with Flask-Security; what follows is ours (``entering.py``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, request
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore
from flask_security.tf_plugin import TfPlugin
from werkzeug.wrappers import Response

from panel.identity.models import Role, User
from panel.identity.sign_ins import note_refusal
from panel.kernel.db import db, utcnow
from panel.kernel.passwords import LANES, MEMORY_KIB, PASSWORD_MIN, ROUNDS
from panel.kernel.secrets import ensure_secret
from panel.web.agents import short_agent
from panel.web.entering import enter
from panel.web.session import address
from panel.web.sign_in_limits import LimitedSignIn


class PasswordForm(LoginForm):
    """The library's form: one hash is computed whether the account exists or not. What it refuses is written down."""

    def validate(self, **options: Any) -> bool:
        """Whether address and password are right."""
        if super().validate(**options):
            return True
        if self.email.data and self.password.data:
            who = self.user.id if isinstance(self.user, User) else None
            note_refusal(who, address=address(), agent=short_agent(request.user_agent.string), factor="password")
        return False


class SignInForm(LimitedSignIn, PasswordForm):
    """Address and password, tried only as often as our limits allow."""


class NextStep(TfPlugin):
    """What Flask-Security does once the password was right: hand over to our own steps."""

    def tf_enter(
        self,
        user: Any,
        remember_me: bool | None,  # noqa: ARG002, FBT001 - the library calls it with these
        primary_authn_via: str,
        next_loc: str | None,  # noqa: ARG002 - it would lead to what the library takes for ours
    ) -> Response:
        """Go on to the second factor, or in."""
        return enter(user, via=primary_authn_via, target=request.form.get("next") or request.args.get("next"))


def init_security(app: Flask) -> None:
    """Add the sign-in pages to ``app``. Everything not switched on here stays off."""
    settings = app.config["CIS"]
    app.config.update(
        SECURITY_PASSWORD_SALT=ensure_secret(settings.below_data(Path("keys/password_salt")), shared=True),
        SECURITY_I18N_DIRNAME=[app.config["CIS_CATALOGUES"]],
        # The lab's people live below .test (RFC 6761), which addresses of real ones never do.
        SECURITY_EMAIL_VALIDATOR_ARGS={"test_environment": settings.env == "lab"},
        **_OPTIONS,
    )
    security = Security()
    security.init_app(app, SQLAlchemyUserDatastore(db, User, Role), login_form=SignInForm)
    security.two_factor_plugins = NextStep()


_OPTIONS: dict[str, Any] = {
    "SECURITY_PASSWORD_HASH": "argon2",
    "SECURITY_PASSWORD_SCHEMES": ["argon2"],
    "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
    "SECURITY_PASSWORD_SINGLE_HASH": {"argon2"},
    "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {
        "argon2__type": "ID",
        "argon2__memory_cost": MEMORY_KIB,
        "argon2__rounds": ROUNDS,
        "argon2__parallelism": LANES,
    },
    "SECURITY_PASSWORD_LENGTH_MIN": PASSWORD_MIN,
    "SECURITY_RETURN_GENERIC_RESPONSES": True,
    "SECURITY_USER_IDENTITY_ATTRIBUTES": [
        {"email": {"mapper": lambda value: str(value).strip().lower(), "case_insensitive": True}}
    ],
    "SECURITY_DATETIME_FACTORY": utcnow,
    "SECURITY_LOGIN_URL": "/login",
    "SECURITY_LOGOUT_URL": "/logout",
    "SECURITY_API_ENABLED_METHODS": ["session"],
    "SECURITY_LOGOUT_METHODS": ["POST"],
    "SECURITY_POST_LOGIN_VIEW": "/",
    "SECURITY_POST_LOGOUT_VIEW": "/login",
    "SECURITY_DEFAULT_REMEMBER_ME": False,
    "SECURITY_STATIC_FOLDER": None,
    "SECURITY_CLI_USERS_NAME": False,
    "SECURITY_CLI_ROLES_NAME": False,
}
