"""One-time links: their secret is made from a row's id and the installation's key, and is stored nowhere.

A row (an invitation, a reset …) says until when its link is good and whether it was used; whoever delivers the message
makes the link anew from the id. So neither the database, nor a queue of messages, nor a backup without keys opens a
door.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from pathlib import Path

from config import Settings
from panel.kernel.secrets import ensure_secret

_ID_BYTES, _MARK_BYTES = 16, 24


def link_token(settings: Settings, purpose: str, row_id: uuid.UUID) -> str:
    """The URL-safe token for the row ``row_id``; ``purpose`` keeps a link of one sort from opening another door."""
    token = row_id.bytes + _mark(settings, purpose, row_id)
    return urlsafe_b64encode(token).decode().rstrip("=")


def read_link_token(settings: Settings, purpose: str, token: str) -> uuid.UUID | None:
    """The id of the row that ``token`` was made for; None where we did not make it for ``purpose``."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (NotBase64, UnicodeEncodeError, ValueError):
        return None
    if len(raw) != _ID_BYTES + _MARK_BYTES:
        return None
    row_id = uuid.UUID(bytes=raw[:_ID_BYTES])
    return row_id if hmac.compare_digest(raw[_ID_BYTES:], _mark(settings, purpose, row_id)) else None


def _mark(settings: Settings, purpose: str, row_id: uuid.UUID) -> bytes:
    key = ensure_secret(settings.below_data(Path("keys/links")), shared=True)
    words = f"{purpose}:{row_id}".encode()
    return hmac.new(key.encode(), words, hashlib.sha256).digest()[:_MARK_BYTES]
