"""The addresses that a header names as senders, read so strictly that no mail program can read others out of it.

A strict part of RFC 5322 3.6.2: mailboxes only, each an address of the form we host, with or without a name before it.
No groups, comments, routes, quoted local parts, empty elements. Whatever is not of this form is doubtful.
"""

from __future__ import annotations

import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header
from typing import NamedTuple

VALUE_MAX = 8_000
_ADDRESS = r"[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9])?@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
# A name: quoted parts, and what means nothing in an address list. Dots are in use though obsolete. Possessive, so that
# each character is looked at once.
_NAME = r"(?:\"(?:[^\"\\]|\\.)*+\"|[^\x00-\x08\x0a-\x1f\"(),:;<>@\[\\\]\x7f])*+"
_MAILBOX = re.compile(
    rf"[ \t]*+(?:(?P<name>{_NAME})<[ \t]*+(?P<within>{_ADDRESS})[ \t]*+>|(?P<alone>{_ADDRESS}))[ \t]*+"
)
_FOLD = re.compile(r"\n(?=[ \t])")
_QUOTED_PAIR = re.compile(r"\\(.)")
_AROUND_ADDRESSES = " \t\"'`<>()[]{},;:.!?"
# Characters that turn the direction of what follows (Unicode 9, UAX 9): a name would be shown as another.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


class Doubtful(Exception):
    """The header can be read in more than one way, or in none."""


class Named(NamedTuple):
    """``addresses`` that a header names as its own, in lower case; ``shown``: those that stand in names beside them."""

    addresses: tuple[str, ...]
    shown: tuple[str, ...]


def read_senders(value: bytes) -> Named:
    """Read a header's value. Raises Doubtful."""
    if len(value) > VALUE_MAX:
        raise Doubtful("too long")
    text = _FOLD.sub("", _decoded(value)).strip(" \t")
    if any(unicodedata.category(char) == "Cc" and char != "\t" for char in text):
        raise Doubtful("control characters")
    addresses: list[str] = []
    shown: list[str] = []
    at = 0
    while True:
        found = _MAILBOX.match(text, at)
        if found is None or text[found.end() : found.end() + 1] not in {"", ","}:
            raise Doubtful("no list of addresses")
        addresses.append((found["within"] or found["alone"]).lower())
        shown += _shown_in(found["name"] or "")
        if found.end() == len(text):
            return Named(tuple(addresses), tuple(shown))
        at = found.end() + 1


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _shown_in(name: str) -> list[str]:
    """What looks like an address in a name as mail programs show it: quotes gone, encoded words (RFC 2047) decoded."""
    plain = _QUOTED_PAIR.sub(r"\1", name).replace('"', "")
    text = unicodedata.normalize("NFKC", _without_encoding(plain))
    if any(unicodedata.category(char) == "Cc" or char in _TURNING for char in text):
        raise Doubtful("control characters in a name")
    return [word.strip(_AROUND_ADDRESSES).lower() for word in text.split() if "@" in word]


def _without_encoding(text: str) -> str:
    try:
        parts = decode_header(text)
        return "".join(part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in parts)
    except (HeaderParseError, LookupError, UnicodeError, ValueError) as error:
        raise Doubtful("an encoding nobody knows") from error
