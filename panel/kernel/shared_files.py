"""Files of an installation: for one Unix user, or for the two that share a group, the web server's and the worker's.

The data folder decides: where its group may write, what both need is made for the group. A secret that only one of them
needs is made for its owner alone, and the sticky bit of its folder keeps the other from replacing it.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_shared(folder: Path) -> bool:
    """Whether what is made in ``folder`` is for its group too."""
    return bool(folder.stat().st_mode & 0o020)


def make_folder(path: Path) -> None:
    """Make ``path`` where it is missing; shared as the folder above it, which is made for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    if is_shared(path.parent):
        path.chmod(0o3770)


def file_mode(folder: Path, *, readable: bool = False) -> int:
    """The mode of a file in ``folder`` that both users change, or that the other one may only read (``readable``)."""
    if not is_shared(folder):
        return 0o600
    return 0o640 if readable else 0o660


def ensure_file(path: Path) -> None:
    """Make ``path`` empty where it is missing. SQLite gives its other files the mode that the database's file has."""
    try:
        number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    os.fchmod(number, file_mode(path.parent))
    os.close(number)
