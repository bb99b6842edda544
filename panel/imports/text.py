"""CSV as people's programs write it: in which letters, with which delimiter. Nobody has to say."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator

from panel.kernel.errors import Invalid

DELIMITERS = ";,\t|"
_SAMPLE_CHARACTERS, _SAMPLE_ROWS = 65_536, 50
_WINDOWS_ONLY = bytes(range(0x80, 0xA0))
"""Controls in ISO-8859-2 (C1), letters and quotes in Windows-1250: Ś ś Ź ź „ ” among them."""

_POLISH_WINDOWS, _POLISH_ISO = b"\xb9\xa5", b"\xb1\xa1\xb6\xa6\xbc\xac"
"""ą Ą in Windows-1250, ą Ą ś Ś ź Ź in ISO-8859-2; the other Polish letters are the same in both."""


def decode(content: bytes) -> str:
    """The text of ``content``: UTF-8, UTF-16 with its mark, else Windows-1250 or ISO-8859-2, by the bytes that occur.

    Raises Invalid ``import_not_text`` for what is none of them, or holds NUL.
    """
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError:
        raise Invalid("import_not_text", field="file") from None
    if "\0" in text:
        raise Invalid("import_not_text", field="file")
    return text


def read_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The records of CSV, each with the number of the line on which it begins; quotes may hold line ends.

    Raises Invalid ``import_table`` with the ``row`` from which on it is no CSV.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    begins = 1
    try:
        for values in reader:
            yield begins, values
            begins = reader.line_num + 1
    except csv.Error:
        raise Invalid("import_table", field="file", row=begins) from None


def delimiter_of(text: str) -> str:
    """The delimiter by which most of the first rows fall into the same number of cells, more than one."""
    return max(DELIMITERS, key=lambda delimiter: _fit(text, delimiter))


def _encoding(content: bytes) -> str:
    if content.startswith(BOM_UTF8):
        return "utf-8-sig"
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    try:
        content.decode()
    except UnicodeDecodeError:
        return _one_of_two(content)
    return "utf-8"


def _one_of_two(content: bytes) -> str:
    if content.translate(None, _WINDOWS_ONLY) != content:
        return "cp1250"
    windows, iso = (sum(map(content.count, _singles(some))) for some in (_POLISH_WINDOWS, _POLISH_ISO))
    return "iso-8859-2" if iso > windows else "cp1250"


def _singles(letters: bytes) -> list[bytes]:
    return [bytes([letter]) for letter in letters]


def _fit(text: str, delimiter: str) -> tuple[float, int]:
    """How well ``delimiter`` explains the first rows: the share of rows alike, and into how many cells they fall."""
    sample = text[:_SAMPLE_CHARACTERS]
    widths: Counter[int] = Counter()
    try:
        for values in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if any(values):
                widths[len(values)] += 1
            if widths.total() == _SAMPLE_ROWS:
                break
    except csv.Error:
        return 0, 0
    if len(text) > len(sample) and widths.total() > 1:
        widths[len(values)] -= 1  # the last row of a sample may be cut
    width, rows = max(widths.items(), key=lambda pair: (pair[0] > 1, pair[1]), default=(1, 0))
    return (rows / widths.total(), width) if width > 1 else (0, 0)
