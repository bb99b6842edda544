"""The filter protocol that Postfix speaks (Sendmail 8, version 6; mfapi.h and mfdef.h of libmilter, MILTER_README).

A packet is a 4-byte big-endian length, then one letter and its data. Bytes in, bytes out: streams are the server's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

PACKET_BYTES_MAX = 1024 * 1024
HEADERS_MAX = 2_000
_VERSION = 6
# What is not sent to us: connection, HELO, recipients, body, unknown commands, DATA (SMFIP_NO…).
_SPARED = 0x01 | 0x02 | 0x08 | 0x10 | 0x100 | 0x200
# Headers need no answer each (SMFIP_NR_HDR), and their values come with the blanks they begin with (SMFIP_HDR_LEADSPC).
_EASED = 0x80 | 0x100000
_LENGTH = struct.Struct(">I")
_OPTIONS = struct.Struct(">III")
_CONTINUE = _LENGTH.pack(1) + b"c"
# Commands answered with "go on" (SMFIC_CONNECT, HELO, RCPT, DATA, UNKNOWN, BODY) though they were declined.
_DECLINED = b"CHRTUB"

HELLO = _LENGTH.pack(13) + b"O" + _OPTIONS.pack(_VERSION, 0, _SPARED | _EASED)
"""What Postfix says first: for those who ask whether the server is there."""

Header = tuple[bytes, bytes]


class BadPacket(Exception):
    """The other end does not speak the protocol: the connection is of no more use, and Postfix defers the message."""


@dataclass
class Message:
    """What is known of a message at the end of its headers: who signed in, for whom it says it is, and its headers."""

    login: str = ""
    sender: str = ""
    headers: list[Header] = field(default_factory=list)


Judge = Callable[[Message], str]
"""Returns the reply with which a message is refused or put off, "" for one that may go on."""


class Conversation:
    """One connection from Postfix."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._message: Message | None = None
        self._macros: dict[bytes, bytes] = {}
        self._judged = False
        self.ended = False
        # SMFIC_OPTNEG, MACRO, MAIL, HEADER, EOH, BODYEOB, ABORT, QUIT_NC, QUIT.
        self._commands: dict[bytes, Callable[[bytes], bytes]] = {
            b"O": _negotiate,
            b"D": self._take_macros,
            b"M": self._begin,
            b"L": self._take_header,
            b"N": self._verdict,
            b"E": self._end_of_message,
            b"A": self._forget,
            b"K": self._forget,
            b"Q": self._quit,
        }

    def answer(self, packet: bytes) -> bytes:
        """Take one packet, its length left off; return what is to be sent: one packet, or nothing. Raises BadPacket."""
        command, data = packet[:1], packet[1:]
        if command and command in _DECLINED:
            return _CONTINUE
        if command not in self._commands:
            raise BadPacket(f"command {command!r}")
        return self._commands[command](data)

    def _take_macros(self, data: bytes) -> bytes:
        if data[:1] == b"M":
            parts = data[1:].split(b"\0")
            self._macros = dict(zip(parts[::2], parts[1::2], strict=False))
        return b""

    def _begin(self, data: bytes) -> bytes:
        login = self._macros.get(b"{auth_authen}", b"")
        sender = data.split(b"\0", 1)[0].strip().removeprefix(b"<").removesuffix(b">")
        self._message = Message(_text(login), _text(sender))
        self._macros, self._judged = {}, False
        return _CONTINUE

    def _take_header(self, data: bytes) -> bytes:
        parts = data.split(b"\0")
        if self._message is None or len(parts) != 3 or len(self._message.headers) >= HEADERS_MAX:
            raise BadPacket("header")
        self._message.headers.append((parts[0], parts[1]))
        return b""

    def _verdict(self, _data: bytes = b"") -> bytes:
        if self._message is None:
            raise BadPacket("no message")
        self._judged = True
        reply = self._judge(self._message)
        return _packet(b"y", reply.encode("ascii") + b"\0") if reply else _CONTINUE

    def _end_of_message(self, _data: bytes) -> bytes:
        return _CONTINUE if self._judged else self._verdict()

    def _forget(self, _data: bytes) -> bytes:
        self._message, self._judged = None, False
        return b""

    def _quit(self, _data: bytes) -> bytes:
        self.ended = True
        return b""


def length_of(head: bytes) -> int:
    """Read the length of the packet that follows. Raises BadPacket for one that is none."""
    (length,) = _LENGTH.unpack(head)
    if not 1 <= length <= PACKET_BYTES_MAX:
        raise BadPacket(f"{length} bytes")
    return int(length)


def _negotiate(data: bytes) -> bytes:
    if len(data) != _OPTIONS.size:
        raise BadPacket("negotiation")
    version, _actions, offered = _OPTIONS.unpack(data)
    return _packet(b"O", _OPTIONS.pack(min(version, _VERSION), 0, offered & (_SPARED | _EASED)))


def _packet(command: bytes, data: bytes) -> bytes:
    return _LENGTH.pack(1 + len(data)) + command + data


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
