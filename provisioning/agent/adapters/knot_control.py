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
_HEAD = 1 + _LENGTH.size
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
        self._unread, self._at = b"", 0

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
        while (unit := self._unit())[0] in (_DATA, _EXTRA):
            kind, items = unit
            names = items if kind == _DATA else names | items
            yield Answer(*(names.get(field, "") for field in Answer._fields)), items.get("error", "")
        if unit[0] == _END:
            raise KnotAway("control socket: closed by the server")

    def _unit(self) -> tuple[int, dict[str, str]]:
        """The next unit: its type, and its items by name."""
        while True:
            try:
                return self._read_unit()
            except IndexError:
                self._receive_more()

    def _read_unit(self) -> tuple[int, dict[str, str]]:
        """Read a unit that is here whole. Raises IndexError where it is not: nothing was taken then.

        One loop without calls, since answers about ten thousand zones have tens of thousands of units.
        """
        unread, at = self._unread, self._at + 1
        kind, items = unread[self._at], {}
        while kind in (_DATA, _EXTRA) and (index := unread[at] - _FIRST_INDEX) >= 0:
            begin = at + _HEAD
            at = begin + unread[at + 1] * 256 + unread[at + 2]
            if at >= len(unread):
                raise IndexError
            if index >= len(_FIELDS):
                raise KnotAway("control socket: what it says is not understood")
            items[_FIELDS[index]] = unread[begin:at].decode(errors="replace")
        self._at = at
        return kind, items

    def _receive_more(self) -> None:
        try:
            data = self._link.recv(_CHUNK)
        except OSError as error:
            raise KnotAway(f"control socket: {error.strerror or 'no answer in time'}") from error
        if not data:
            raise KnotAway("control socket: closed by the server")
        self._unread, self._at = self._unread[self._at :] + data, 0


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
