"""Postfix' LMDB maps, changed by Postfix' own postmap(1): no reload, readers never wait.

``postmap -i`` commits each row by itself (0.45 ms); a rebuild is one transaction over the whole map (2.5 µs a row
with reading the store), in place, so that daemons with the file open see it at once.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from provisioning.agent.adapters.commands import CommandFailed, Reading, finish, run, start
from provisioning.agent.files import FixedRoot

POSTMAP = "/usr/sbin/postmap"
# A row by itself costs as much as this many rows of a rebuild.
ROWS_PER_SINGLE = 180
SINGLES_MIN = 20
_PUT = ("-i", "-r")
# One character for each byte: what somebody else wrote goes through a rebuild unchanged, whatever it is.
_BYTES = "latin-1"


@dataclass(frozen=True, slots=True)
class MapChange:
    """What one map shall gain (or have changed) and lose."""

    name: str
    puts: Mapping[str, str] = field(default_factory=dict)
    deletes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.puts) + len(self.deletes)


class _Ready(NamedTuple):
    """A postmap that waits for its rows, and the file it has open."""

    process: subprocess.Popen[bytes]
    inode: int


class PostfixMaps:
    """The maps in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = FixedRoot(folder)
        self._ready: dict[str, _Ready] = {}

    def change(self, changes: Sequence[MapChange]) -> dict[str, str]:
        """Change single rows of several maps side by side; return postmap's words for each map that failed."""
        failed: dict[str, str] = {}
        started = {}
        for change in changes:
            with _noting(failed, change.name):
                started[change.name] = self._take_ready(change.name) if change.puts else None
        for change in changes:
            if change.name not in failed:
                with _noting(failed, change.name):
                    self._finish_change(change, started[change.name])
        return failed

    def make_ready(self, *names: str) -> None:
        """Start a postmap ahead for each of these maps: it waits for its rows, and the next change need not.

        Starting takes 4 ms of 5. It holds no lock while it waits, and ends without a change if the agent does.
        """
        for name in names:
            if name not in self._ready:
                with suppress(CommandFailed):
                    self._ready[name] = _Ready(self._start(_PUT, name), self._inode(name))

    def make_missing(self, names: Iterable[str]) -> None:
        """Make those of these maps that are not there, empty. Raises CommandFailed."""
        for name in names:
            if not self._file(name).exists():
                self.rebuild(name, {})

    def rebuild(self, name: str, rows: Mapping[str, str]) -> None:
        """Write a whole map anew in one transaction. Raises CommandFailed; the old content then stays."""
        self._root.write(name, _lines(rows))
        try:
            run([POSTMAP, self._map(name)])
        finally:
            self._root.remove(name)

    def dump(self, name: str) -> dict[str, str]:
        """Read a whole map. Raises CommandFailed."""
        return parse(self.start_reading(name).result())

    def start_reading(self, name: str) -> Reading:
        """Start to read a whole map as postmap prints it: key, tab, value, in the order of the keys."""
        return Reading([POSTMAP, "-s", self._map(name)])

    def look_up(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        """Read these rows of a map. Raises CommandFailed."""
        code, output, words = finish(self._start(["-q", "-"], name), _keys(keys))
        if words or code not in {0, 1}:
            raise CommandFailed(words or f"postmap -q ended with {code}")
        return parse(output)

    def try_to_add(self, name: str, key: str, value: str) -> str:
        """Ask postmap to add a row where one is; it leaves that one as it is. Return its words."""
        return finish(self._start(["-i"], name), _lines({key: value}))[2]

    def fingerprint(self, name: str) -> str:
        """Tell apart states of a map's file: another one means that somebody wrote to it.

        The time of the last change to the file itself (st_ctime) cannot be put back as the others can (utimensat(2)).
        """
        try:
            facts = self._file(name).stat()
        except FileNotFoundError:
            return ""
        return f"{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"

    def _take_ready(self, name: str) -> subprocess.Popen[bytes]:
        ready = self._ready.pop(name, None)
        if ready is None or ready.process.poll() is not None:
            return self._start(_PUT, name)
        if ready.inode != self._inode(name):
            # Somebody put another file in its place: the one this process holds is nobody's any more.
            finish(ready.process)
            return self._start(_PUT, name)
        return ready.process

    def _finish_change(self, change: MapChange, process: subprocess.Popen[bytes] | None) -> None:
        if process is not None:
            _require_success(process, _lines(change.puts))
        if change.deletes:
            _delete(self._start(["-d", "-"], change.name), change.deletes)

    def _inode(self, name: str) -> int:
        try:
            return self._file(name).stat().st_ino
        except FileNotFoundError:
            return 0

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.lmdb"

    def _start(self, options: Sequence[str], name: str) -> subprocess.Popen[bytes]:
        return start([POSTMAP, *options, self._map(name)])

    def _map(self, name: str) -> str:
        return f"lmdb:{self._folder / name}"


@contextmanager
def _noting(failed: dict[str, str], name: str) -> Iterator[None]:
    try:
        yield
    except CommandFailed as error:
        failed[name] = error.words


def _require_success(process: subprocess.Popen[bytes], stdin: bytes) -> None:
    code, _, words = finish(process, stdin)
    if code != 0 or words:
        raise CommandFailed(words or f"postmap ended with {code}")


def _delete(process: subprocess.Popen[bytes], keys: Sequence[str]) -> None:
    # Without words, exit code 1 means that none of the keys was there: nothing to do (postmap(1), -d).
    code, _, words = finish(process, _keys(keys))
    if words or code not in {0, 1}:
        raise CommandFailed(words or f"postmap -d ended with {code}")


def _lines(rows: Mapping[str, str]) -> bytes:
    return "".join(f"{key} {value}\n" for key, value in rows.items()).encode(_BYTES)


def _keys(keys: Sequence[str]) -> bytes:
    return "".join(f"{key}\n" for key in keys).encode(_BYTES)


def parse(output: bytes) -> dict[str, str]:
    """Read what postmap prints."""
    pairs = (line.partition("\t") for line in output.decode(_BYTES).split("\n") if line)
    return {key: value for key, _, value in pairs}
