"""How often somebody may try to come in: failures as rows, with waits that grow and never become a lock for ever.

A key is ``SORT:WHAT`` (``account:…``, ``address:…``, ``place:…``) or one word of the caller's own; rows hold its digest
only. Waiting refuses without counting, so that whoever keeps knocking makes no wait longer. The clock is the
database's. Call these outside of units of work: what fails there is rolled back, what is counted here must stay.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import current_app
from sqlalchemy import ColumnElement, Index, UniqueConstraint, case, select, update
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, UTCDateTime, database_now, db, insert_unless_there, new_id, unit_of_work
from panel.kernel.errors import TooMany
from panel.kernel.secrets import ensure_secret
from panel.ledger.notices import tell_user

FORGOTTEN_SECONDS = 24 * 3600
"""After so long without a failure a key starts anew."""

IPV6_PREFIX = 64
"""What one household or office is given: its single addresses cost nothing, so they are counted together."""


class Attempts(Base):
    """Failures at one key; ``until``: when the next try is allowed. ``network`` is said for keys of addresses only."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("what", "key"), Index("ix_attempts_until", "until"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    what: Mapped[str]
    sort: Mapped[str]
    key: Mapped[str]
    failures: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    user_id: Mapped[uuid.UUID | None]
    network: Mapped[str] = mapped_column(default="")


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """``free`` failures cost nothing; the next makes wait ``first`` seconds, each further one twice as long."""

    free: int
    first: int
    most: int

    def wait(self, failures: int) -> int:
        """Seconds to wait after so many failures."""
        over = failures - self.free
        return 0 if over <= 0 else min(self.most, self.first * 2 ** min(over - 1, 20))


_BY_SORT = {
    "account": Allowance(free=5, first=15, most=900),
    "address": Allowance(free=30, first=15, most=900),
    "place": Allowance(free=10, first=15, most=300),
    "": Allowance(free=5, first=15, most=900),
}
_SPECIAL = {
    ("token", "address"): Allowance(free=300, first=15, most=300),
    ("reset", "account"): Allowance(free=3, first=300, most=3600),
    ("reset", "address"): Allowance(free=20, first=60, most=900),
    ("email", "account"): Allowance(free=3, first=300, most=3600),
    ("email", "address"): Allowance(free=20, first=60, most=900),
    ("outside", "leave"): Allowance(free=120, first=15, most=300),
    ("invitation", "user"): Allowance(free=100, first=60, most=900),
}
"""Where it differs: links and resets are asked for, not guessed; one network holds a whole office."""


def account_key(name: str) -> str:
    """The key of an account by the name typed, whether it exists or not."""
    return f"account:{name.strip().lower()}"


def address_key(address: str | None) -> str:
    """The key of a network address; of IPv6 by its network, of IPv4 in IPv6 (RFC 4291 2.5.5.2) as IPv4."""
    return f"address:{network_of(address)}"


def network_of(address: str | None) -> str:
    """``192.0.2.7`` or ``2001:db8:1:2::/64``; empty where it is not known."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(found), IPV6_PREFIX), strict=False))
        found = found.ipv4_mapped
    return str(found)


def check(what: str, *keys: str) -> None:
    """Go on only if none of ``keys`` has to wait. Raises TooMany with the seconds to wait."""
    here = select(Attempts.until, database_now()).where(
        Attempts.what == what, Attempts.key.in_(digests_of(what, *keys))
    )
    _refuse_waiting([(until, now) for until, now in db.session.execute(here) if until is not None])


def attempt(what: str, *keys: str, user_id: uuid.UUID | None = None) -> None:
    """Count a try at all ``keys`` unless one of them has to wait; both in one step, however many come at once.

    Follow it by ``forget`` or ``give_back`` where the try was good. ``user_id``: whose account it is, where it is one.
    Raises TooMany.
    """
    check(what, *keys)  # whoever has to wait takes no lock from those who work
    with unit_of_work():
        _refuse_waiting([_count(what, key, user_id) for key in _ordered(what, keys)])


def note_failure(what: str, *keys: str, user_id: uuid.UUID | None = None) -> None:
    """Count a failure at all ``keys``, waiting or not."""
    with unit_of_work():
        for key in _ordered(what, keys):
            _count(what, key, user_id)


def forget(what: str, *keys: str) -> None:
    """Start ``keys`` anew: whoever tried has proved to be right."""
    _set(what, keys, failures=0, until=None)


def give_back(what: str, *keys: str) -> None:
    """Take one counted try back: it was good, and proves nothing about the others from there."""
    _set(what, keys, failures=Attempts.failures - 1, until=None)


def digests_of(what: str, *keys: str) -> list[str]:
    """What rows hold of ``keys``."""
    return [_digest(what, key) for key in keys]


def _set(what: str, keys: tuple[str, ...], **values: object) -> None:
    here = Attempts.what == what, Attempts.key.in_(digests_of(what, *keys)), Attempts.failures > 0
    with unit_of_work():
        changed = update(Attempts).where(*here).values(**values)
        db.session.execute(changed, execution_options={"synchronize_session": False})


def _count(what: str, key: str, user_id: uuid.UUID | None) -> tuple[datetime | None, datetime]:
    """Count one at ``key``; return until when it had to wait before, and the time."""
    sort = _sort(key)
    row = insert_unless_there(Attempts).values(
        id=new_id(), what=what, sort=sort, key=_digest(what, key), failures=1, last_at=database_now(),
        user_id=None if sort == "address" else user_id,
        network=key.partition(":")[2] if sort == "address" else "",
    )  # fmt: skip
    again = case((Attempts.last_at < database_now(-FORGOTTEN_SECONDS), 1), else_=Attempts.failures + 1)
    counted = row.on_conflict_do_update(
        index_elements=["what", "key"], set_={"failures": again, "last_at": database_now()}
    ).returning(Attempts.id, Attempts.failures, Attempts.until, database_now())
    row_id, failures, until, now = db.session.execute(counted).one()
    wait = _allowance(what, sort).wait(failures)
    if wait and (until is None or until <= now):
        _keep_waiting(row_id, wait)
        if sort == "account" and user_id is not None:
            _tell_once_a_day(row_id, user_id)
    return until, now


def _keep_waiting(row_id: uuid.UUID, seconds: int) -> None:
    _change(row_id, until=database_now(seconds))


def _tell_once_a_day(row_id: uuid.UUID, user_id: uuid.UUID) -> None:
    due = Attempts.told_at.is_(None) | (Attempts.told_at < database_now(-24 * 3600))
    if _change(row_id, due, told_at=database_now()):
        tell_user("sign_in:under_attack", user_id)


def _change(row_id: uuid.UUID, *only: ColumnElement[bool], **values: object) -> bool:
    changed = update(Attempts).where(Attempts.id == row_id, *only).values(**values).returning(Attempts.id)
    return bool(db.session.scalars(changed, execution_options={"synchronize_session": False}).all())


def _refuse_waiting(rows: list[tuple[datetime | None, datetime]]) -> None:
    seconds = max(((until - now).total_seconds() for until, now in rows if until is not None), default=0.0)
    if seconds > 0:
        raise TooMany("too_many_tries", seconds=math.ceil(seconds))


def _allowance(what: str, sort: str) -> Allowance:
    return _SPECIAL.get((what, sort)) or _BY_SORT.get(sort, _BY_SORT[""])


def _sort(key: str) -> str:
    return key.partition(":")[0] if ":" in key else ""


def _ordered(what: str, keys: tuple[str, ...]) -> list[str]:
    """Each key once, always in the same order, so that two that count the same keys do not wait for each other."""
    return sorted(set(keys), key=lambda key: _digest(what, key))


def _digest(what: str, key: str) -> str:
    secret = ensure_secret(current_app.config["CIS"].below_data(Path("keys/limits")), shared=True)
    return hmac.new(secret.encode(), f"{what}:{key}".encode(), hashlib.sha256).hexdigest()
