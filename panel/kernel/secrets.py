"""Secrets that an installation makes for itself at first start."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def ensure_secret(path: Path) -> str:
    """The secret kept in ``path``, made (256 random bits, readable by its owner only) where there is none.

    Two processes that start at once end with the same secret: the file is made complete, then linked into place.
    """
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(draft, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secrets.token_urlsafe(32))
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()
