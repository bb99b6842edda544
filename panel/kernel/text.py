"""Text as people search it and as addresses spell it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from panel.kernel.errors import Invalid

LIKE = ((".", ""), ("-", ""), ("_", ""), ("0", "o"), ("1", "l"), ("rn", "m"), ("vv", "w"))
"""What looks alike in names of ASCII, in the order in which it is replaced."""

_TYPED_SPACES = str.maketrans("\t\r\n", "   ")

_POLISH = str.maketrans("łŁ", "lL")


def fold(text: str) -> str:
    """``text`` without diacritics, in lower case, spaces and controls joined: KOŚCIAN and kościan become koscian.

    Databases fold ASCII only (SQLite) or by locale (PostgreSQL), so it is done here, on both sides of a search.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_POLISH))
    kept = (" " if unicodedata.category(char) == "Cc" else char for char in plain if not unicodedata.combining(char))
    return " ".join("".join(kept).casefold().split())


def slugify(text: str) -> str:
    """``text`` as a DNS label: folded, everything but letters and digits turned into single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")


def to_ascii(text: str) -> str:
    """``text`` for those that take ASCII only, the diacritics gone and what has no likeness turned into ``?``."""
    plain = unicodedata.normalize("NFKD", text.translate(_POLISH))
    kept = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[^ -~]", "?", kept)


def likeness(name: str) -> str:
    """``name`` without what people overlook or take for something else: dots, hyphens, 0/o, 1/l, rn/m, vv/w.

    The database can say the same of whole tables (migration 0012): replacements only, in this order.
    """
    for seen, meant in LIKE:
        name = name.replace(seen, meant)
    return name


def has_control(text: str) -> bool:
    """Whether ``text`` holds control or invisible formatting characters (Unicode Cc, Cf, line separators)."""
    return any(unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co") for char in text)


def one_line(field: str, value: Any, *, least: int = 0, most: int = 200) -> str:
    """``value`` as one line of ``least`` to ``most`` characters, spaces joined and cut off at its ends.

    Raises Invalid for ``field``: ``text_bad`` (no text, or control characters), ``text_long``, ``required`` where it is
    empty, ``reason_short``.
    """
    if not isinstance(value, str) or has_control(value.translate(_TYPED_SPACES)):
        raise Invalid("text_bad", field=field)
    text = " ".join(value.split())
    if len(text) > most:
        raise Invalid("text_long", field=field, most=most)
    if len(text) < least:
        raise Invalid("reason_short" if text else "required", field=field, least=least)
    return text
