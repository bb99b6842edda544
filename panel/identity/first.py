"""The first administrator: without one nobody could let anybody in."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from panel.identity.actions import create_user, ensure_roles
from panel.identity.models import ApiToken, User
from panel.identity.second_factor import known_totp
from panel.kernel.access import Actor, require
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.kernel.passwords import hash_user_password, token_digest
from panel.ledger.events import record

ROLE = "association_admin"
TOKEN_DAYS = 366


def ensure_first_admin(actor: Actor, *, email: str, password: str, totp: str, token: str) -> User:
    """Make sure that ``email`` administers the association with this password, TOTP secret (base32) and API token.

    For labs, where all of them stand in ``lab.json``; what is the same already stays as it is.
    """
    require(actor, "users:write", staff=True)
    ensure_roles()
    user = db.session.scalar(select(User).where(User.email == email))
    if user is None:
        user = create_user(actor, email=email, name="Administrator", password_hash=None, role=ROLE)
    stored, hashed = known_totp(current_app.config["CIS"], totp).stored, hash_user_password(password)
    known = db.session.scalar(select(ApiToken).where(ApiToken.digest == token_digest(token)))
    with unit_of_work():
        user.password, user.tf_totp_secret, user.tf_primary_method = hashed, stored, "authenticator"
        if known is None:
            db.session.add(_token(user, token))
        record(actor, "identity:user:first_admin", kind="user", resource_id=user.id, name=email)
    return user


def _token(user: User, token: str) -> ApiToken:
    expires_at = utcnow() + timedelta(days=TOKEN_DAYS)
    return ApiToken(
        id=new_id(), name="lab", digest=token_digest(token), maker_id=user.id, role=ROLE, expires_at=expires_at
    )
