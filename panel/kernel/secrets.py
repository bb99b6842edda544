"""Secrets that an installation makes for itself at first start."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from panel.kernel.shared_files import file_mode, make_folder


def ensure_secret(path: Path, *, shared: bool = False) -> str:
    """The secret kept in ``path``, made (256 random bits) where there is none.

    Only its owner can read it; with ``shared`` also the other of the panel's two Unix users.

    Two processes that start at once end with the same secret: the file is made complete, then linked into place.
    """
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(draft, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secrets.token_urlsafe(32))
        if shared:
            os.fchmod(file.fileno(), file_mode(path.parent, readable=True))
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()
