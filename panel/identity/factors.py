"""What somebody proves who they are with besides the password: set up, taken away, and told of.

Each change takes what one has already, given in the session ``session_id`` a moment ago: a second factor, or the
password of somebody without one. It ends all other sessions, is recorded, and is told by notice.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from sqlalchemy import delete, select

from panel.identity.models import User
from panel.identity.passkeys import Passkey, add_passkey, checked_name, passkeys_of
from panel.identity.policy import demand_on
from panel.identity.recovery_codes import void_codes
from panel.identity.second_factor import step_of
from panel.identity.sessions import end_all, is_proven_in
from panel.kernel.access import Actor
from panel.kernel.db import db, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.kernel.passwords import hash_user_password, prepare_mailbox_password
from panel.ledger.events import record
from panel.ledger.notices import tell_user


def has_factor(user: User) -> bool:
    """Whether ``user`` has a second factor."""
    return bool(user.tf_totp_secret) or has_passkey(user)


def has_passkey(user: User) -> bool:
    """Whether ``user`` has a passkey."""
    return db.session.scalar(select(Passkey.id).where(Passkey.user_id == user.id).limit(1)) is not None


def set_up_totp(actor: Actor, user: User, *, stored: str, code: str, session_id: uuid.UUID) -> User:
    """Make ``stored`` the secret of ``user``'s authenticator app, proved by ``code``; an earlier one is void.

    Other sessions than ``session_id`` end. Raises Invalid ``code_wrong``.
    """
    step = step_of(user, stored, code)
    if step is None:
        raise Invalid("code_wrong", field="code")
    with unit_of_work():
        locked = _locked(actor, user, session_id)
        replaced = locked.tf_totp_secret is not None
        locked.tf_totp_secret, locked.tf_primary_method, locked.totp_step = stored, "authenticator", step
        _changed(actor, locked, "replace" if replaced else "add", "totp", session_id)
    return locked


def remove_totp(actor: Actor, user: User, *, session_id: uuid.UUID) -> User:
    """Take the authenticator app away. Raises Conflict ``last_factor`` where a role demands one and it is the last."""
    with unit_of_work():
        locked = _locked(actor, user, session_id)
        if locked.tf_totp_secret is None:
            return locked
        _keep_one(locked, others=len(passkeys_of(user.id)))
        locked.tf_totp_secret = locked.tf_primary_method = locked.totp_step = None
        _changed(actor, locked, "remove", "totp", session_id)
    return locked


def add_key(actor: Actor, user: User, *, challenge: str, answer: str, name: str, session_id: uuid.UUID) -> Passkey:
    """Keep a new passkey of ``user``. Raises Invalid, Conflict ``passkey_known``."""
    with unit_of_work():
        locked = _locked(actor, user, session_id)
        row = add_passkey(locked, challenge=challenge, answer=answer, name=name)
        _changed(actor, locked, "add", "passkey", session_id, key=row.name)
    return row


def rename_key(actor: Actor, user: User, key_id: uuid.UUID, *, name: str) -> Passkey:
    """Call a passkey otherwise. Raises NotFound, Invalid."""
    name = checked_name(name)
    with unit_of_work():
        row = _own_key(_own_row(actor, user), key_id)
        row.name = name
    return row


def remove_key(actor: Actor, user: User, key_id: uuid.UUID, *, session_id: uuid.UUID) -> Passkey:
    """Take a passkey away. Raises NotFound, Conflict ``last_factor``."""
    with unit_of_work():
        locked = _locked(actor, user, session_id)
        row = _own_key(locked, key_id)
        _keep_one(locked, others=len(passkeys_of(user.id)) - 1 + bool(locked.tf_totp_secret))
        db.session.delete(row)
        db.session.flush()
        _changed(actor, locked, "remove", "passkey", session_id, key=row.name)
    return row


def remove_all_factors(actor: Actor, user: User, *, reason: str) -> None:
    """Take every factor of ``user`` away, who lost them, and end their sessions; the caller settles who may.

    ``reason`` is recorded and told.
    """
    with unit_of_work():
        locked = _row(user)
        locked.tf_totp_secret = locked.tf_primary_method = locked.totp_step = None
        db.session.execute(delete(Passkey).where(Passkey.user_id == user.id))
        void_codes(user.id)
        end_all(user.id, why="factors_removed")
        record(actor, "identity:factor:remove-all", kind="user", resource_id=user.id, name=user.email, reason=reason)
        tell_user("account:factors_removed", user.id, by=actor.name, reason=reason, happened_at=_now())


def change_password(actor: Actor, user: User, *, password: str, session_id: uuid.UUID) -> User:
    """Set the own password; the caller asked who it is. Other sessions end. Raises Invalid naming ``password``."""
    prepare_mailbox_password(password)  # the same rules for all; what is hashed is normalised as sign-in does it
    hashed = hash_user_password(password)
    with unit_of_work():
        locked = _locked(actor, user, session_id)
        locked.password, locked.fs_uniquifier = hashed, secrets.token_hex(16)
        end_all(user.id, but=session_id, why="password_changed")
        record(actor, "identity:user:password", kind="user", resource_id=user.id, name=user.email)
        tell_user("account:password_changed", user.id, happened_at=_now())
    return locked


def _locked(actor: Actor, user: User, session_id: uuid.UUID) -> User:
    """The row of ``user``, who acts for themselves and proved it in this session a moment ago."""
    locked = _own_row(actor, user)
    if not is_proven_in(session_id, user.id, by_factor=has_factor(locked)):
        raise NotAllowed("fresh_factor_needed", permission="factors")
    return locked


def _own_row(actor: Actor, user: User) -> User:
    """The row of ``user``, who acts for themselves, kept from other units of work."""
    if actor.user_id != user.id or actor.on_behalf_of is not None:
        raise NotAllowed("not_allowed", permission="factors")
    return _row(user)


def _row(user: User) -> User:
    found = read_row(User, user.id, for_change=True)
    if found is None:
        raise NotFound("not_found")
    return found


def _own_key(user: User, key_id: uuid.UUID) -> Passkey:
    row = db.session.get(Passkey, key_id, populate_existing=True)
    if row is None or row.user_id != user.id:
        raise NotFound("not_found")
    return row


def _keep_one(user: User, *, others: int) -> None:
    """Refuse to take the last factor of somebody whose role asks for one."""
    if others < 1 and demand_on(user).rule != "may":
        raise Conflict("last_factor")


def _changed(actor: Actor, user: User, action: str, sort: str, session_id: uuid.UUID, **more: Any) -> None:
    """Void recovery codes of somebody without factor, end other sessions, and tell."""
    db.session.flush()
    if not has_factor(user):
        void_codes(user.id)
    end_all(user.id, but=session_id, why="factors_changed")
    record(actor, f"identity:factor:{action}", kind="user", resource_id=user.id, name=user.email, factor=sort, **more)
    tell_user(
        f"account:factor_{'removed' if action == 'remove' else 'added'}", user.id, factor=sort, happened_at=_now()
    )


def _now() -> str:
    return utcnow().isoformat(timespec="seconds")
