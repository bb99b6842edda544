"""What a backup holds, as a tar stream: parts of the database, files, settings, and at its end a list with digests.

``contents.json`` comes last, so a stream that was cut has none. Names and sizes in a stream are read as a stranger's:
whoever knows a recipient's public key can seal one.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Protocol

FORMAT = 1
PART_BYTES = 8 * 1024 * 1024
FILE_BYTES_MAX = 64 * 1024 * 1024
FOLDERS = ("keys", "attachments")
"""The folders below the data folder that are kept."""

CONTENTS, SETTINGS = "contents.json", "settings.json"
_PART = re.compile(r"database/[0-9]{6}")
_FILE = re.compile(rf"files/(?:{'|'.join(FOLDERS)})(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{{0,199}}){{1,4}}")


def is_kept(name: str) -> bool:
    """Whether a file of this name below the data folder can stand in a backup."""
    return _FILE.fullmatch(f"files/{name}") is not None


class BackupBroken(Exception):
    """A stream is no whole backup of ours; the text says where."""


@dataclass(kw_only=True)
class Contents:
    """What stands in a backup. ``left_out``: files that its maker could not read. ``digests``: SHA-256 by name."""

    database: str
    schema: str
    made_at: str
    counts: Mapping[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    format: int = FORMAT

    def files(self) -> list[str]:
        """The files in it, as they are called below the data folder."""
        return [name.removeprefix("files/") for name in self.digests if name.startswith("files/")]


class Sink(Protocol):
    """Where the parts of a backup go when it is read."""

    def database(self, part: bytes) -> None:
        """Take the next part of the database."""

    def file(self, name: str, mode: int, data: bytes) -> None:
        """Take a file; ``name`` is below the data folder and has been checked."""

    def settings(self, environment: Mapping[str, str]) -> None:
        """Take the settings under which the panel ran."""


class Writer:
    """Writes the members of a backup, one after the other, and the list of them at the end."""

    def __init__(self, stream: IO[bytes], contents: Contents) -> None:
        self._tar = tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by finish
        self._contents = contents

    def database(self, data: Iterable[bytes]) -> None:
        """Write the database in parts of at most PART_BYTES."""
        for number, part in enumerate(data):
            self._add(f"database/{number:06d}", part, 0o600)

    def file(self, name: str, mode: int, data: bytes) -> None:
        """Write a file under the name that it has below the data folder."""
        self._add(f"files/{name}", data, mode)

    def settings(self, environment: Mapping[str, str]) -> None:
        """Write the settings."""
        self._add(SETTINGS, json.dumps(dict(environment)).encode(), 0o600)

    def finish(self) -> Contents:
        """Write the list; only now the stream is a backup."""
        listed = json.dumps(asdict(self._contents)).encode()
        self._member(CONTENTS, listed, 0o600)
        self._tar.close()
        return self._contents

    def _add(self, name: str, data: bytes, mode: int) -> None:
        self._member(name, data, mode)
        self._contents.digests[name] = hashlib.sha256(data).hexdigest()
        self._contents.bytes += len(data)

    def _member(self, name: str, data: bytes, mode: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), mode
        self._tar.addfile(member, io.BytesIO(data))


def read_backup(stream: IO[bytes], sink: Sink) -> Contents:
    """Read a whole backup into ``sink`` and compare every digest with the list at its end. Raises BackupBroken.

    What ``sink`` took is not to be used before this returns.
    """
    digests: dict[str, str] = {}
    listed: dict[str, Any] | None = None
    for member, data in _members(stream):
        if listed is not None:
            raise BackupBroken(f"{member.name} stands after the list")
        if member.name == CONTENTS:
            listed = _json(data)
            continue
        if member.name in digests:
            raise BackupBroken(f"{member.name} stands there twice")
        digests[member.name] = hashlib.sha256(data).hexdigest()
        _hand_over(member, data, sink)
    return _checked(listed, digests)


def _members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                if not member.isreg() or member.size > FILE_BYTES_MAX:
                    raise BackupBroken(f"{member.name!r} is no file of ours")
                file = tar.extractfile(member)
                data = file.read() if file is not None else b""
                if len(data) != member.size:
                    raise BackupBroken(f"{member.name} is cut")
                yield member, data
    except (tarfile.TarError, EOFError) as error:
        raise BackupBroken("the stream is cut, or no backup") from error


def _hand_over(member: tarfile.TarInfo, data: bytes, sink: Sink) -> None:
    if _PART.fullmatch(member.name):
        sink.database(data)
    elif member.name == SETTINGS:
        sink.settings({str(name): str(value) for name, value in _json(data).items()})
    elif _FILE.fullmatch(member.name):
        sink.file(member.name.removeprefix("files/"), member.mode & 0o770, data)
    else:
        raise BackupBroken(f"{member.name!r} is no part of a backup")


def _checked(listed: Mapping[str, Any] | None, digests: Mapping[str, str]) -> Contents:
    if listed is None:
        raise BackupBroken("the list at its end is missing: it was cut")
    if listed.get("format") != FORMAT:
        raise BackupBroken(f"format {listed.get('format')} is another release's")
    try:
        contents = Contents(**listed)
    except TypeError as error:
        raise BackupBroken("the list at its end cannot be read") from error
    if contents.digests != digests:
        raise BackupBroken("what is in it is not what its list says")
    return contents


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise BackupBroken("a part is no JSON") from error
    if not isinstance(found, dict):
        raise BackupBroken("a part is no JSON object")
    return found
