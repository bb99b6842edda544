"""Notices in words: subject and lines of each message that the panel sends to people.

One table for all: a code, its subject, and the lines of its text. A line may name the notice's own params
(``%(address)s``), ``%(link)s`` where the notice carries a one-time link, and ``%(panel)s``, the panel's address
without a slash at its end. Params that end in ``_at`` (ISO times) and ``_on`` (ISO days) are said in the reader's
language. A line that depends on figures (plural forms, names of levels) is a function of the params.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from panel.kernel.i18n import TIME_ZONE, _l, language

Told = Mapping[str, Any]
_NOTICES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "notices:test": (
        _l("Test message"),
        (_l("This is a test. Messages of the panel arrive here."), _l("The panel: %(panel)s")),
    ),
}
"""Code → subject and lines of the text."""


@dataclass(frozen=True, kw_only=True)
class NoticeWords:
    """A message in words: its subject, and the lines of its text without greeting and closing."""

    subject: str
    lines: tuple[str, ...]


def notice_words(code: str, params: Told, *, public_url: str, link: str | None = None) -> NoticeWords:
    """Say the notice ``code`` in the running language; ``link``: the address of the link that goes with it.

    Raises KeyError where the code has no words, or where a line asks for what the notice does not say.
    """
    subject, lines = _NOTICES[code]
    told = {name: _said(name, value) for name, value in params.items()}
    told |= {"panel": public_url.rstrip("/")} | ({} if link is None else {"link": link})
    return NoticeWords(subject=_one_line(_fill(subject, told)), lines=tuple(_fill(line, told) for line in lines))


def subject_words(code: str, params: Told) -> str:
    """The subject alone, for lists; a code without words is shown as it is."""
    if code not in _NOTICES:
        return code
    return _one_line(_fill(_NOTICES[code][0], {name: _said(name, value) for name, value in params.items()}))


def known_notices() -> frozenset[str]:
    """Every code with words."""
    return frozenset(_NOTICES)


def _fill(line: Any, told: Told) -> str:
    if isinstance(line, Callable):  # type: ignore[arg-type]  # an abstract class is good enough to ask
        return str(line(told))
    return str(line) % told


def _said(name: str, value: Any) -> Any:
    """A moment or a day in the reader's words; anything else as it is, but on one line."""
    if isinstance(value, str) and name.endswith("_at"):
        moment = datetime.fromisoformat(value)
        return format_datetime(moment, "d MMMM y, HH:mm", tzinfo=ZoneInfo(TIME_ZONE), locale=language())
    if isinstance(value, str) and name.endswith("_on"):
        return format_date(date.fromisoformat(value), "d MMMM y", locale=language())
    return _one_line(value) if isinstance(value, str) else value


def _one_line(text: str) -> str:
    """What people typed adds no lines to a message and no fields to its header."""
    return " ".join(text.split())
