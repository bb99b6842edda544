"""Knot's control socket, spoken as knotc does: one connection, any number of commands, some 0.1 ms each.

Values never pass through a command line, so secrets may be set this way. Stdlib only. The protocol is that of
libknot/control of Knot 3.2: units of a type octet, DATA and EXTRA followed by items of an index octet, a length of
two octets and the value.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SOCKET = Path("/run/knot/knot.sock")
VALUE_BYTES_MAX = 65_535

_END, _DATA, _EXTRA, _BLOCK = range(4)
_FIRST_INDEX = 16
_FIELDS = ("command", "flags", "error", "section", "item", "id", "zone", "owner", "ttl", "type", "data", "filters")
_INDEX = {field: _FIRST_INDEX + number for number, field in enumerate(_FIELDS)}
_LENGTH = struct.Struct(">H")
_CHUNK = 65_536


class KnotError(Exception):
    """Knot refused a command, or could not be spoken with; the text is its own words."""


class KnotAway(KnotError):
    """Nobody answers at the socket, or the connection was lost half-way: whether the command was done is unknown."""


class Answer(NamedTuple):
    """One unit of a reply: what it is about and its value; parts that it does not name are ""."""

    section: str = ""
    id: str = ""
    item: str = ""
    zone: str = ""
    owner: str = ""
    ttl: str = ""
    type: str = ""
    data: str = ""
    flags: str = ""


class KnotControl:
    """One connection to the daemon. Not for two threads at once; made by `connected`."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._unread = b""

    def ask(self, command: str, **parts: str) -> list[Answer]:
        """Do one command and return all that it tells. ``parts`` are named as in Answer, besides filters.

        An empty part is the same as none, but for ``data``: there it is the empty value. Raises KnotError with Knot's
        words, KnotAway.
        """
        self.send(command, **parts)
        return self.receive()

    def receive(self) -> list[Answer]:
        """The reply to the oldest command sent that was not received yet. Raises as `ask` does."""
        answers, words = [], ""
        for answer, error in self._reply():
            answers.append(answer)
            words = words or error
        if words:
            raise KnotError(words)
        return answers

    def send(self, command: str, **parts: str) -> None:
        """Send one command without waiting; each is answered in its turn (`receive`)."""
        unit = [bytes([_DATA]), _encoded("command", command)]
        unit += [_encoded(field, value) for field, value in parts.items() if value or field == "data"]
        try:
            self._link.sendall(b"".join(unit) + bytes([_BLOCK]))
        except OSError as error:
            raise KnotAway(f"control socket: {error.strerror or type(error).__name__}") from error

    def _reply(self) -> Iterator[tuple[Answer, str]]:
        """The units of one reply, each with the error it tells of. EXTRA units carry on with the names of the last."""
        names: dict[str, str] = {}
        while (kind := self._take(1)[0]) in (_DATA, _EXTRA):
            items = self._items()
            names = items if kind == _DATA else names | items
            told = {field: names.get(field, "") for field in Answer._fields}
            yield Answer(**told), items.get("error", "")
        if kind == _END:
            raise KnotAway("control socket: closed by the server")

    def _items(self) -> dict[str, str]:
        items = {}
        while self._peek() >= _FIRST_INDEX:
            index = self._take(1)[0] - _FIRST_INDEX
            (length,) = _LENGTH.unpack(self._take(_LENGTH.size))
            if index >= len(_FIELDS):
                raise KnotAway("control socket: what it says is not understood")
            items[_FIELDS[index]] = self._take(length).decode(errors="replace")
        return items

    def _peek(self) -> int:
        self._fill(1)
        return self._unread[0]

    def _take(self, size: int) -> bytes:
        self._fill(size)
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _fill(self, size: int) -> None:
        while len(self._unread) < size:
            try:
                data = self._link.recv(_CHUNK)
            except OSError as error:
                raise KnotAway(f"control socket: {error.strerror or 'no answer in time'}") from error
            if not data:
                raise KnotAway("control socket: closed by the server")
            self._unread += data


@contextmanager
def connected(path: Path = SOCKET, *, timeout: float = 60.0) -> Iterator[KnotControl]:
    """A connection for a few commands; Knot serves one at a time, so it is not kept. Raises KnotAway."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(timeout)
        try:
            link.connect(str(path))
        except OSError as error:
            raise KnotAway(f"{path}: {error.strerror or type(error).__name__}") from error
        yield KnotControl(link)
        with contextlib.suppress(OSError):
            link.sendall(bytes([_END]))


def _encoded(field: str, value: str) -> bytes:
    data = value.encode()
    if len(data) > VALUE_BYTES_MAX:
        raise KnotError(f"{field}: {len(data)} octets are too many")
    return bytes([_INDEX[field]]) + _LENGTH.pack(len(data)) + data
