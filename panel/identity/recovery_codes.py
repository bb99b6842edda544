"""Recovery codes: ten, each for one sign-in without phone or passkey; kept as digests, so nobody can read them again.

A code has 80 random bits: enough that its digest cannot be turned back by trying, and short enough to be copied by
hand. Its letters and digits are Crockford's, which leave out those that look alike.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from panel.identity.models import User
from panel.kernel.access import Actor
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, unit_of_work, utcnow
from panel.kernel.errors import NotAllowed
from panel.ledger.events import record
from panel.ledger.notices import tell_user

NUMBER = 10
_ALPHABET, _LETTERS, _GROUP = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 16, 4
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})


class RecoveryCode(Base):
    """One code of ``user_id``, used up at ``used_at``."""

    __tablename__ = "recovery_codes"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


def make_codes(actor: Actor, user: User) -> list[str]:
    """Make ten codes for ``user``, who asks for themselves; earlier ones are void. They are told this once.

    Raises NotAllowed where no second factor was given a moment ago.
    """
    if actor.user_id != user.id or not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="recovery_codes")
    codes = [_new_code() for _ in range(NUMBER)]
    with unit_of_work():
        db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
        db.session.add_all(RecoveryCode(user_id=user.id, digest=_digest(user.id, code)) for code in codes)
        record(actor, "identity:recovery-codes:make", kind="user", resource_id=user.id, name=user.email)
        tell_user("account:recovery_codes_made", user.id, happened_at=utcnow().isoformat(timespec="seconds"))
    return codes


def take_recovery_code(user: User, code: str, *, address: str) -> bool:
    """Use ``code`` up if it is one of ``user``'s that is not used; of two at once one is right. Tells the user."""
    mine = update(RecoveryCode).where(
        RecoveryCode.user_id == user.id,
        RecoveryCode.digest == _digest(user.id, code),
        RecoveryCode.used_at.is_(None),
    )
    with unit_of_work():
        done: Any = db.session.execute(
            mine.values(used_at=database_now()), execution_options={"synchronize_session": False}
        )
        if done.rowcount != 1:
            return False
        tell_user(
            "sign_in:recovery_code_used",
            user.id,
            address=address,
            left=codes_left(user.id),
            happened_at=utcnow().isoformat(timespec="seconds"),
        )
    return True


def codes_left(user_id: uuid.UUID) -> int:
    """How many codes of ``user_id`` are not used up."""
    query = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(query) or 0


def void_codes(user_id: uuid.UUID) -> None:
    """Delete all codes of ``user_id``, inside a unit of work."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def _new_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP))


def _digest(user_id: uuid.UUID, code: str) -> str:
    """Of the code as people may type it: any case, with or without hyphens, O for 0, I or L for 1."""
    plain = "".join(letter for letter in code.upper().translate(_READ_AS) if letter.isalnum())
    return hashlib.sha256(f"{user_id}:{plain}".encode()).hexdigest()
