"""Put files of root's in place: whole or not at all, never through a link, never where others may write."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from provisioning.agent.base.errors import SetupFailed


def place(path: Path, content: bytes, mode: int, *, group: int = 0) -> bool:
    """Make ``path`` a regular file of root's with this content, mode and group; return whether anything changed.

    A link at ``path`` is replaced, not followed. Raises SetupFailed if somebody but root could tamper with the folder.
    """
    require_root_only(path.parent)
    if _is_so(path, content, mode, group):
        return False
    draft = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        _write(draft, content, mode, group)
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder of root's, its parents too, each writable by root only."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    require_root_only(path)


def require_root_only(folder: Path) -> None:
    """Raise SetupFailed unless ``folder`` and all folders above are root's and writable by nobody else."""
    for step in (folder, *folder.parents):
        facts = step.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != 0 or facts.st_mode & 0o022:
            raise SetupFailed("tampering", f"{step} is not a folder that only root can write to")


def _is_so(path: Path, content: bytes, mode: int, group: int) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as stream:
        facts = os.fstat(stream.fileno())
        owned = facts.st_uid == 0 and facts.st_gid == group and stat.S_IMODE(facts.st_mode) == mode
        return owned and stat.S_ISREG(facts.st_mode) and stream.read() == content


def _write(path: Path, content: bytes, mode: int, group: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fchown(stream.fileno(), 0, group)
        os.fchmod(stream.fileno(), mode)
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
