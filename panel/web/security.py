"""Sign-in with Flask-Security: password, then the code of an authenticator app."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore
from flask_security.signals import tf_code_confirmed, tf_profile_changed

from panel.identity.models import Role, User
from panel.identity.second_factor import totp_issuer, totp_secrets
from panel.kernel.db import db, utcnow
from panel.kernel.passwords import LANES, MEMORY_KIB, PASSWORD_MIN, ROUNDS
from panel.kernel.secrets import ensure_secret
from panel.web import session
from panel.web.sign_in_limits import LimitedSignIn


class SignInForm(LimitedSignIn, LoginForm):
    """Address and password. Whoever came for no page in particular goes on to the start page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.next.data = self.next.data or "/"


def init_security(app: Flask) -> None:
    """Add the sign-in pages to ``app``. Everything not switched on here stays off."""
    settings = app.config["CIS"]
    app.config.update(
        SECURITY_PASSWORD_SALT=ensure_secret(settings.below_data(Path("keys/password_salt")), shared=True),
        SECURITY_TOTP_SECRETS=totp_secrets(settings),
        SECURITY_TOTP_ISSUER=totp_issuer(settings),
        SECURITY_I18N_DIRNAME=[app.config["CIS_CATALOGUES"]],
        # The lab's people live below .test (RFC 6761), which addresses of real ones never do.
        SECURITY_EMAIL_VALIDATOR_ARGS={"test_environment": settings.env == "lab"},
        **_OPTIONS,
    )
    security = Security()
    security.init_app(app, SQLAlchemyUserDatastore(db, User, Role), login_form=SignInForm)
    for signal in (tf_code_confirmed, tf_profile_changed):
        signal.connect(_note_factor, app)


def _note_factor(_app: Flask, **_details: Any) -> None:
    session.remember_factor()


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
    "SECURITY_PASSWORD_CONFIRM_REQUIRED": True,
    "SECURITY_RETURN_GENERIC_RESPONSES": True,
    "SECURITY_USER_IDENTITY_ATTRIBUTES": [
        {"email": {"mapper": lambda value: str(value).strip().lower(), "case_insensitive": True}}
    ],
    "SECURITY_TRACKABLE": True,
    "SECURITY_DATETIME_FACTORY": utcnow,
    "SECURITY_CHANGEABLE": True,
    "SECURITY_SEND_PASSWORD_CHANGE_EMAIL": False,
    "SECURITY_TWO_FACTOR": True,
    "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
    "SECURITY_TWO_FACTOR_ALWAYS_VALIDATE": True,
    "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES": False,
    "SECURITY_LOGIN_URL": "/login",
    "SECURITY_LOGOUT_URL": "/logout",
    "SECURITY_LOGOUT_METHODS": ["POST"],
    "SECURITY_VERIFY_URL": "/account/confirm-password",
    "SECURITY_FRESHNESS": timedelta(minutes=15),
    "SECURITY_FRESHNESS_GRACE_PERIOD": timedelta(0),
    "SECURITY_CHANGE_URL": "/account/password",
    "SECURITY_TWO_FACTOR_SETUP_URL": "/account/second-factor",
    "SECURITY_TWO_FACTOR_TOKEN_VALIDATION_URL": "/login/code",
    "SECURITY_POST_LOGIN_VIEW": "/",
    "SECURITY_POST_LOGOUT_VIEW": "/login",
    "SECURITY_POST_CHANGE_VIEW": "/account",
    "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": "/account",
    "SECURITY_MSG_REAUTHENTICATION_REQUIRED": ("You must reauthenticate to access this endpoint", "info"),
    "SECURITY_MSG_TWO_FACTOR_LOGIN_SUCCESSFUL": ("Your code has been confirmed", "quiet"),
    "SECURITY_DEFAULT_REMEMBER_ME": False,
    "SECURITY_STATIC_FOLDER": None,
    "SECURITY_CLI_USERS_NAME": False,
    "SECURITY_CLI_ROLES_NAME": False,
}
