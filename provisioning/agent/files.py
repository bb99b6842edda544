"""Writing and removing beneath one fixed folder, and nowhere else.

Every step down is opened by itself with ``O_NOFOLLOW`` relative to the step above (openat(2)), so a link planted by
whoever owns a folder in between leads nowhere. Names come from ids, never from text that a user chose.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
# Above so many files all that the host has to write is written at once: quicker than to wait for one after the other.
_SYNCED_SINGLY = 50
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class BadName(ValueError):
    """A name that is no plain file name."""


class FixedRoot:
    """A folder beneath which files are written and removed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, content: bytes, *, mode: int = 0o640) -> None:
        """Put a whole file in place at once: readers see the old or the new one (rename(2)), also after a crash."""
        with self._folder(()) as folder:
            draft = f".{_plain(name)}.{secrets.token_hex(8)}"
            try:
                _write_new(folder, draft, content, mode)
                os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=folder)
                raise
            os.fsync(folder)

    def write_all(self, contents: Mapping[str, bytes], *, mode: int = 0o644) -> None:
        """Put many files in place, each as `write` does, all of them on the disk when it returns.

        The disk is waited for only once all are written: a thousand files cost about as much as the last of them.
        """
        with self._folder(()) as folder:
            drafts = {name: f".{_plain(name)}.{secrets.token_hex(8)}" for name in contents}
            try:
                for name, draft in drafts.items():
                    _write_new(folder, draft, contents[name], mode, sync=False)
                _sync(folder, drafts.values())
                for name, draft in drafts.items():
                    os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                for draft in drafts.values():
                    with suppress(FileNotFoundError):
                        os.unlink(draft, dir_fd=folder)
            os.fsync(folder)

    def read(self, name: str) -> bytes:
        """Return what a file holds; nothing where there is none."""
        with self._folder(()) as folder, suppress(FileNotFoundError):
            return _read(folder, _plain(name))
        return b""

    def read_all(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Read many files, those that are not there as empty."""
        with self._folder(()) as folder:
            for name in names:
                try:
                    content = _read(folder, _plain(name))
                except OSError:
                    content = b""
                yield name, content

    def keep(self, name: str, kept: str) -> None:
        """Let what a file holds stand under another name too; what stands there already stays."""
        with self._folder(()) as folder, suppress(FileNotFoundError, FileExistsError):
            os.link(_plain(name), _plain(kept), src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)

    def put_back(self, kept: str, name: str) -> bool:
        """Put what was kept in the place where it was; return whether anything was."""
        with self._folder(()) as folder, suppress(FileNotFoundError):
            os.replace(_plain(kept), _plain(name), src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
            return True
        return False

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._folder(()) as folder, suppress(FileNotFoundError):
            os.unlink(_plain(name), dir_fd=folder)

    def remove_tree(self, path: Sequence[str]) -> bool:
        """Remove a folder with all it holds; return whether it was there. Links inside are removed, not followed."""
        *above, last = map(_plain, path)
        try:
            with self._folder(above) as folder:
                shutil.rmtree(last, dir_fd=folder)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _folder(self, path: Sequence[str]) -> Iterator[int]:
        handle = os.open(self._root, _FOLDER)
        try:
            for name in path:
                below = os.open(_plain(name), _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadName(name)
    return name


def _write_new(folder: int, name: str, content: bytes, mode: int, *, sync: bool = True) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, mode, dir_fd=folder), "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(content)
        stream.flush()
        if sync:
            os.fsync(stream.fileno())


def _sync(folder: int, names: Collection[str]) -> None:
    if len(names) > _SYNCED_SINGLY:
        os.sync()
        return
    for name in names:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read(folder: int, name: str) -> bytes:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(handle, "rb") as stream:
        return stream.read()
