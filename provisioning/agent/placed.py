"""Files as set-up wrote them, and whether they still are."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file as set-up writes it: root's, no link, of this mode and group, its content as ``is_as_written`` has it."""

    path: Path
    mode: int
    is_as_written: Callable[[bytes], bool]
    group: int = 0


def with_content(path: Path, mode: int, content: bytes) -> ConfigFile:
    """Name a file that holds exactly ``content``."""
    return ConfigFile(path, mode, content.__eq__)


def look(files: Iterable[ConfigFile]) -> dict[str, bool]:
    """Tell of each file whether it is as set-up wrote it, from its content now."""
    return {str(file.path): _is_so(file) for file in files}


def _is_so(file: ConfigFile) -> bool:
    try:
        handle = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            facts = os.fstat(stream.fileno())
            ours = stat.S_ISREG(facts.st_mode) and (facts.st_uid, facts.st_gid) == (0, file.group)
            return ours and stat.S_IMODE(facts.st_mode) == file.mode and file.is_as_written(stream.read())
    except OSError:
        return False
