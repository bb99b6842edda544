"""A file's bytes cut into entries: one record or directive each, parentheses joined, comments gone, lines counted."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"'  # a string
    r'|(?:[^ \t"\\;()]|\\.)+(?:(?<==)"(?:[^"\\]|\\.)*")?'  # a word, or key="…"
    r"|[ \t]+|;.*|."
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NOT_LETTERS = re.compile("[\udc80-\udcff]")


@dataclass(slots=True)
class Entry:
    """One entry: where it begins, whether with a space (it has the owner of the one before), and its tokens as typed.

    ``fault`` is a code where it is none: its tokens are then worth nothing.
    """

    line: int
    indented: bool
    tokens: list[str] = field(default_factory=list)
    fault: str = ""


def text_of(content: bytes) -> str:
    """``content`` as text: UTF-8, or UTF-16 with its mark; octets that are neither become lone surrogates.

    They may stand in comments, whose letters mean nothing here (old files have them in Windows-1250 or ISO-8859-2).
    """
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        text = content.decode("utf-16", "replace")
    else:
        text = content.removeprefix(BOM_UTF8).decode("utf-8", "surrogateescape")
    return text.removesuffix("\x1a")


def entries(text: str) -> Iterator[Entry]:
    """The entries of ``text``, lines ending with LF, CR LF, or CR alone where there is no LF."""
    entry: Entry | None = None
    depth = 0
    for number, line in enumerate(text.split("\n" if "\n" in text else "\r"), 1):
        entry = entry or Entry(number, line[:1] in (" ", "\t"))
        depth = _take(line.removesuffix("\r"), entry, depth)
        if depth:
            continue
        if entry.tokens or entry.fault:
            yield entry
        entry = None
    if entry is not None:
        entry.fault = entry.fault or "file_parenthesis"
        yield entry


def _take(line: str, entry: Entry, depth: int) -> int:
    """Add what stands in ``line`` to ``entry``; return how many parentheses are open behind it."""
    end = 0
    for match in _TOKEN.finditer(line):
        token = match[0]
        first = token[0]
        if first in " \t":
            continue
        if first == ";":
            break
        if first in "()":
            depth += 1 if first == "(" else -1
        elif len(token) == 1 and first in '"\\':
            entry.fault = entry.fault or ("value_quotes" if first == '"' else "value_escape")
        else:
            entry.fault = entry.fault or _fault_of(token) or _glued(match.start(), end)
            entry.tokens.append(token)
            end = match.end()
        if depth < 0:
            entry.fault, depth = entry.fault or "file_parenthesis", 0
    return depth


def _fault_of(token: str) -> str:
    if token.isascii() and token.isprintable():
        return ""
    if _CONTROL.search(token):
        return "value_control"
    return "file_letters" if _NOT_LETTERS.search(token) else ""


def _glued(start: int, end: int) -> str:
    """Tell whether two tokens touch, one of them quoted: servers differ about what that means."""
    return "value_quotes" if 0 < end == start else ""
