"""The only door to passlib: how passwords become hashes, and which passwords may be set."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from functools import cache

from passlib.hash import argon2

from panel.kernel.errors import Invalid

MEMORY_KIB, ROUNDS, LANES = 19_456, 2, 1
"""Argon2id as OWASP's password storage sheet gives it: 19 MiB, two passes, one lane."""

PASSWORD_MIN, PASSWORD_MAX = 12, 256

_DOVECOT = "{ARGON2ID}"
_argon2id = argon2.using(type="ID", memory_cost=MEMORY_KIB, rounds=ROUNDS, parallelism=LANES)


def prepare_mailbox_password(password: str, *, field: str = "password") -> str:
    """Normalise by RFC 8265 4.2 (OpaqueString): NFC, non-ASCII spaces become spaces, controls are refused.

    Mail clients send NFC; what is stored must be what they send. Raises Invalid: ``password_short``,
    ``password_long``, ``password_control``.
    """
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    normal = unicodedata.normalize("NFC", spaced)
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in normal):
        raise Invalid("password_control", field=field)
    if len(normal) < PASSWORD_MIN:
        raise Invalid("password_short", field=field, least=PASSWORD_MIN)
    if len(normal) > PASSWORD_MAX:
        raise Invalid("password_long", field=field, most=PASSWORD_MAX)
    return normal


def hash_mailbox_password(password: str, *, field: str = "password") -> str:
    """Dovecot's notation of the Argon2id hash. Takes some 30 ms, so never inside a transaction."""
    return _DOVECOT + str(_argon2id.hash(prepare_mailbox_password(password, field=field)))


def is_mailbox_password(password: str, stored: str | None) -> bool:
    """Whether ``password`` is the one of which ``stored`` is Dovecot's notation of the hash.

    Takes the same time where there is no hash, or one of another scheme: what was typed is hashed once in any case.
    """
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password[: 4 * PASSWORD_MAX])
    typed = unicodedata.normalize("NFC", spaced).replace("\0", "\ufffd").encode("utf-8", "replace")
    known = stored is not None and stored.startswith(_DOVECOT)
    same = bool(_argon2id.verify(typed, stored.removeprefix(_DOVECOT) if known and stored else _hash_of_nobody()))
    return same and known


@cache
def _hash_of_nobody() -> str:
    return str(_argon2id.hash(secrets.token_urlsafe(32)))


def hash_user_password(password: str) -> str:
    """The Argon2id hash by which people sign in to the panel, of the password as Flask-Security normalises it (NFKD).

    It verifies against it where ``SECURITY_PASSWORD_SINGLE_HASH`` names argon2.
    """
    return str(_argon2id.hash(unicodedata.normalize("NFKD", password)))


def is_user_password(password: str, hashed: str) -> bool:
    """Whether ``hashed``, made by ``hash_user_password``, is of ``password``, however its accents were composed."""
    return bool(_argon2id.verify(unicodedata.normalize("NFKD", password), hashed))


def new_token() -> str:
    """A random secret of 128 bits, URL-safe."""
    return secrets.token_urlsafe(16)


def token_digest(token: str) -> str:
    """SHA-256, hex: enough for secrets of 128 random bits, which nobody can guess through a hash."""
    return hashlib.sha256(token.encode()).hexdigest()
