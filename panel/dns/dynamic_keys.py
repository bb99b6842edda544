"""Keys by which programs change zones (RFC 2136, TSIG): made here, kept sealed, shown once, given to the node."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from flask import current_app
from sqlalchemy import BigInteger, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.db import Base, UTCDateTime, db, utcnow
from panel.kernel.secrets import ensure_secret

ALGORITHM = "hmac-sha256"
_SECRET_BYTES = 32
_PREFIX = "cis-dyn-"


class ZoneKey(Base):
    """The key of a zone that programs change, and how far their changes were read back.

    ``sealed``: its secret under the installation's own key. ``revoked``: nobody was ever shown it. ``serial``: up to
    which changes were read, at ``read_at``; None before the first time.
    """

    __tablename__ = "zone_keys"

    zone_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("zones.id"), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    sealed: Mapped[str]
    revoked: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    serial: Mapped[int | None] = mapped_column(BigInteger)
    read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


def new_key_name() -> str:
    """A name that no key ever had: by it zones tell which key is theirs, so another key has another name."""
    return f"{_PREFIX}{secrets.token_hex(6)}"


def new_secret() -> str:
    """Random octets, as many as the algorithm's results have (RFC 8945 6), in base64."""
    return base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def seal(secret: str) -> str:
    """``secret`` as it is kept."""
    return _box().encrypt(secret.encode()).decode()


def secrets_of(zone_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The secrets of the keys of zones; one that cannot be opened any more is left out: nodes keep theirs."""
    if not zone_ids:
        return {}
    box, found = _box(), {}
    for row in db.session.execute(select(ZoneKey.zone_id, ZoneKey.sealed).where(ZoneKey.zone_id.in_(zone_ids))):
        try:
            found[row.zone_id] = box.decrypt(row.sealed.encode()).decode()
        except InvalidToken:
            continue
    return found


def _box() -> Fernet:
    key = ensure_secret(current_app.config["CIS"].below_data(Path("keys/updates")), shared=True)
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
