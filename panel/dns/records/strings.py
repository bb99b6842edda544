r"""Character strings (RFC 1035 5.1): quoted text and its escapes, cut into tokens, and octets made text again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from panel.kernel.errors import Invalid

STRING_MAX = 255
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(rf'{_QUOTED}|(?:[^ \t"\\;()]|\\.)+(?:(?<==){_QUOTED})?', re.DOTALL)
_BETWEEN = re.compile(r"[ \t]*")
_ESCAPED = re.compile(r"\\([0-9]{3}|.)", re.DOTALL)
_WRITTEN = [
    f"\\{chr(octet)}" if octet in b'"\\' else chr(octet) if 32 <= octet < 127 else f"\\{octet:03d}"
    for octet in range(256)
]


def tokens(text: str, *, field: str = "values") -> list[str]:
    """``text`` cut at spaces, quoted strings whole, with their quotes; ``key="…"`` is one token.

    Raises Invalid ``value_quotes`` (a quotation mark that is not closed, or touches other text), ``value_special``
    (``;``, ``(`` or ``)`` outside of quotation marks), ``value_escape`` (a backslash with nothing after it).
    """
    found, place = [], _end_of_space(text, 0)
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise Invalid(_fault_at(text[place]), field=field)
        found.append(token[0])
        place = _end_of_space(text, token.end())
        if place == token.end() < len(text):
            raise Invalid(_fault_at(text[place]), field=field)
    return found


def octets(token: str, *, field: str = "values") -> bytes:
    r"""What ``token`` stands for, its quotes taken off: letters beyond ASCII as UTF-8, ``\DDD`` and ``\x`` as octets.

    Raises Invalid ``value_escape``.
    """
    inside = token[1:-1] if token[:1] == '"' else token
    if "\\" not in inside:
        return inside.encode()
    return b"".join(_pieces(inside, field))


def quoted(content: bytes) -> str:
    r"""``content`` between quotation marks: ``\"``, ``\\``, and ``\DDD`` for what is no printable ASCII."""
    return f'"{"".join([_WRITTEN[octet] for octet in content])}"'


def strings_of(value: str) -> list[bytes]:
    """The strings of a TXT record's canonical ``value``."""
    return [octets(token) for token in tokens(value)]


def chunks(content: bytes) -> list[bytes]:
    """``content`` in strings of at most 255 octets, at least one."""
    return [content[start : start + STRING_MAX] for start in range(0, len(content), STRING_MAX)] or [b""]


def _fault_at(char: str) -> str:
    return "value_special" if char in ";()" else "value_escape" if char == "\\" else "value_quotes"


def _end_of_space(text: str, place: int) -> int:
    space = _BETWEEN.match(text, place)
    return place if space is None else space.end()


def _pieces(text: str, field: str) -> Iterator[bytes]:
    place = 0
    for escape in _ESCAPED.finditer(text):
        yield text[place : escape.start()].encode()
        yield _unescaped(escape[1], field)
        place = escape.end()
    yield text[place:].encode()


def _unescaped(said: str, field: str) -> bytes:
    if not said.isdigit() or not said.isascii():
        return said.encode()
    if len(said) < 3 or int(said) > 255:
        raise Invalid("value_escape", field=field)
    return bytes([int(said)])


def shown(content: bytes) -> str:
    r"""``content`` as people read and type it: plain text, ``\\`` for a backslash, ``\DDD`` for what is no text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
        return "".join(
            char if char.isascii() and char.isprintable() and char != "\\" else f"\\{ord(char):03d}" for char in text
        )
    return "".join(char if char.isprintable() and char != "\\" else _shown_escape(char) for char in text)


def typed(text: str) -> bytes:
    """What ``shown`` shows as ``text``. Raises Invalid ``value_escape``."""
    if "\\" in _ESCAPED.sub("", text):
        raise Invalid("value_escape", field="values")
    return b"".join(_pieces(text, "values"))


def _shown_escape(char: str) -> str:
    return "\\\\" if char == "\\" else "".join(f"\\{octet:03d}" for octet in char.encode())
