"""Cells at rest: what people send may hold passwords in any column, so no cell lies readable in the database."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config import Settings
from panel.kernel.errors import Conflict
from panel.kernel.secrets import ensure_secret

_NONCE_BYTES = 12

Seal = Callable[[int, Sequence[str]], bytes]
Unseal = Callable[[int, bytes], list[str]]


def sealer(settings: Settings, import_id: uuid.UUID) -> tuple[Seal, Unseal]:
    """How rows of an import are sealed and opened again; a row opens in its own place only.

    Opening raises Conflict ``import_sealed`` where the installation's key is another by now.
    """
    secret = ensure_secret(settings.below_data(Path("keys/imports")), shared=True)
    cipher = AESGCM(hashlib.sha256(secret.encode()).digest())

    def seal(line: int, cells: Sequence[str]) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, json.dumps(list(cells)).encode(), _place(import_id, line))

    def unseal(line: int, sealed: bytes) -> list[str]:
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            cells: list[str] = json.loads(cipher.decrypt(nonce, text, _place(import_id, line)))
        except InvalidTag:
            raise Conflict("import_sealed") from None
        return cells

    return seal, unseal


def _place(import_id: uuid.UUID, line: int) -> bytes:
    return import_id.bytes + line.to_bytes(8, "big")
