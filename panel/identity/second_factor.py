"""Second factors by time-based codes (RFC 6238), kept encrypted as Flask-Security reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flask_security.totp import Totp

from config import Settings
from panel.kernel.secrets import ensure_secret


@dataclass(frozen=True, kw_only=True)
class NewTotp:
    """``stored`` is what ``create_user(totp_secret=…)`` takes, ``base32`` what an authenticator app is given once."""

    stored: str
    base32: str = field(repr=False)


def new_totp(settings: Settings) -> NewTotp:
    """Make a secret for one user, encrypted with the installation's key."""
    totp = Totp(totp_secrets(settings), totp_issuer(settings))
    stored = totp.generate_totp_secret()
    return NewTotp(stored=stored, base32=totp.get_totp_b32_key(stored))


def known_totp(settings: Settings, base32: str) -> NewTotp:
    """The secret ``base32``, which somebody has in an app already, as it is stored."""
    totp = Totp(totp_secrets(settings), totp_issuer(settings))
    return NewTotp(stored=totp._totp(key=base32, format="base32").to_json(encrypt=True), base32=base32)  # noqa: SLF001 - Flask-Security offers no way in


def totp_secrets(settings: Settings) -> dict[str, str]:
    """Keys that encrypt users' secrets, by their number; the highest number encrypts new ones."""
    return {"1": ensure_secret(settings.below_data(Path("keys/totp_secret")), shared=True)}


def totp_issuer(settings: Settings) -> str:
    """Name under which an authenticator app lists the account."""
    return f"CIS Panel {settings.association_name}"
