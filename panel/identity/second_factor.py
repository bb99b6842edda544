"""Second factors by time-based codes (RFC 6238), each taken once; secrets are kept encrypted by Flask-Security."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import current_app
from flask_security.totp import Totp
from sqlalchemy import or_, update

from config import Settings
from panel.identity.models import User
from panel.kernel.db import db, unit_of_work
from panel.kernel.secrets import ensure_secret

STEP_SECONDS = 30
"""How long a code is shown; one such step before and after now is taken too, since phones' clocks differ."""


@dataclass(frozen=True, kw_only=True)
class NewTotp:
    """``stored`` is what ``create_user(totp_secret=…)`` takes, ``base32`` what an authenticator app is given once."""

    stored: str
    base32: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a person puts into an app: a picture (an SVG as a ``data:`` address) or the secret in groups."""

    picture: str = field(repr=False)
    key: str = field(repr=False)


def new_totp(settings: Settings) -> NewTotp:
    """Make a secret for one user, encrypted with the installation's key."""
    totp = Totp(totp_secrets(settings), totp_issuer(settings))
    stored = totp.generate_totp_secret()
    return NewTotp(stored=stored, base32=totp.get_totp_b32_key(stored))


def known_totp(settings: Settings, base32: str) -> NewTotp:
    """The secret ``base32``, which somebody has in an app already, as it is stored."""
    totp = Totp(totp_secrets(settings), totp_issuer(settings))
    return NewTotp(stored=totp._totp(key=base32, format="base32").to_json(encrypt=True), base32=base32)  # noqa: SLF001 - Flask-Security offers no way in


def shown_totp(stored: str, email: str) -> Shown:
    """The secret ``stored`` for the account ``email``, to be put into an app."""
    settings = current_app.config["CIS"]
    totp = Totp(totp_secrets(settings), totp_issuer(settings))
    return Shown(picture=totp.generate_qrcode(email, stored), key=totp.get_totp_pretty_key(stored))


def take_code(user: User, code: str) -> bool:
    """Take ``code`` if it is right and neither it nor a later one was taken before, however many send it at once."""
    step = step_of(user, user.tf_totp_secret, code) if user.tf_totp_secret else None
    if step is None:
        return False
    newer = update(User).where(User.id == user.id, or_(User.totp_step.is_(None), User.totp_step < step))
    with unit_of_work():
        done: Any = db.session.execute(newer.values(totp_step=step), execution_options={"synchronize_session": False})
    return bool(done.rowcount == 1)


def step_of(user: User, stored: str, code: str) -> int | None:
    """The time step whose code for the secret ``stored`` is ``code``; None where it is none near now."""
    codes = _Codes(current_app.config["CIS"])
    code = "".join(code.split())
    is_right = code.isascii() and codes.verify_totp(code, stored, user, window=STEP_SECONDS)
    return codes.step if is_right else None


def totp_secrets(settings: Settings) -> dict[str, str]:
    """Keys that encrypt users' secrets, by their number; the highest number encrypts new ones."""
    return {"1": ensure_secret(settings.below_data(Path("keys/totp_secret")), shared=True)}


def totp_issuer(settings: Settings) -> str:
    """Name under which an authenticator app lists the account."""
    return f"CIS Panel {settings.association_name}"


class _Codes(Totp):
    """The library's check, which tells which step matched; what was taken before is our row's matter."""

    step: int | None = None

    def __init__(self, settings: Settings) -> None:
        super().__init__(totp_secrets(settings), totp_issuer(settings))

    def set_last_counter(self, user: Any, tmatch: Any) -> None:  # noqa: ARG002 - the library calls it with these two
        """Keep the step that matched."""
        self.step = tmatch.counter
