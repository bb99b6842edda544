"""The panel's SSH key, made at first use by the worker's user and never shown: only its public half leaves.

The web server's user cannot read it. Where the two users share the data folder, that one could still put another key in
its place; so a key that belongs to somebody else is not taken.
"""

from __future__ import annotations

import getpass
import os
import secrets
from contextlib import suppress
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from panel.kernel.shared_files import make_folder


def ensure_panel_key(path: Path) -> str:
    """The public half, in OpenSSH's form, of the key at ``path``; the key is made where there is none."""
    if not path.exists():
        _make(path)
    require_own_key(path)
    key = load_ssh_private_key(path.read_bytes(), password=None)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path.with_name(f"{path.name}.pub").write_text(f"{public}\n")
    return public


def require_own_key(path: Path) -> None:
    """Go on only if the key at ``path``, where there is one, is this user's own and no other's to read."""
    if path.exists() and (path.stat().st_uid != os.geteuid() or path.stat().st_mode & 0o077):
        raise click.ClickException(f"{path} must belong to {getpass.getuser()} and be readable by that user alone")


def _make(path: Path) -> None:
    """Make it complete, then link it into place: two that start at once end with the same key."""
    make_folder(path.parent)
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
