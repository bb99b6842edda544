"""Signatures of webhooks, as the Standard Webhooks specification 1.0 has them.

A secret is made from the webhook's id, its number and the installation's key, and is stored nowhere: neither the
database nor a backup without keys lets anybody sign in our name.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from base64 import b64encode
from collections.abc import Sequence

from config import Settings
from panel.kernel.links import link_token

PREFIX = "whsec_"


def secret_of(settings: Settings, webhook_id: uuid.UUID, number: int) -> str:
    """The secret ``number`` of a webhook, as its receiver keeps it."""
    return PREFIX + b64encode(_key(settings, webhook_id, number)).decode()


def signed_headers(
    settings: Settings, webhook_id: uuid.UUID, numbers: Sequence[int], *, message_id: str, moment: int, body: str
) -> dict[str, str]:
    """The headers that say which message this is and when it left, signed with each of the secrets ``numbers``."""
    content = f"{message_id}.{moment}.{body}".encode()
    marks = [hmac.new(_key(settings, webhook_id, number), content, hashlib.sha256).digest() for number in numbers]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(f"v1,{b64encode(mark).decode()}" for mark in marks),
    }


def _key(settings: Settings, webhook_id: uuid.UUID, number: int) -> bytes:
    return hashlib.sha256(link_token(settings, f"webhook {number}", webhook_id).encode()).digest()
