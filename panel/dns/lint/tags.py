"""Lists of tags (``v=…; a=b``), as DMARC, DKIM, MTA-STS and TLS reports have them (RFC 6376 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from panel.dns.lint.view import View

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MAILTO = re.compile(r"mailto:[^@\s,!]+@((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63})(?:![0-9]+[kmgt]?)?")


def tags_of(text: bytes) -> dict[str, str] | None:
    """The tags of ``text`` in their order, spaces around them gone; None where it is no such list or has one twice."""
    found: dict[str, str] = {}
    if not text.isascii():
        return None
    for part in text.decode().rstrip(" \t;").split(";"):
        name, equals, value = part.partition("=")
        name = name.strip(" \t")
        if not equals or not _NAME.fullmatch(name) or name in found:
            return None
        found[name] = value.strip(" \t")
    return found


def named(view: View, beginning: str) -> Iterator[str]:
    """The names of the zone that begin with the labels ``beginning`` and have TXT records."""
    return (one.name for one in view.sets("TXT") if f"{one.name}.".startswith(f"{beginning}."))


def is_report_address(text: str) -> bool:
    """Tell whether reports can be sent to ``text``: ``mailto:`` or ``https:``."""
    address = text.strip(" \t")
    return mail_domain(address) is not None or (address.startswith("https://") and bool(urlsplit(address).hostname))


def mail_domain(text: str) -> str | None:
    """The domain of a ``mailto:`` address, None where it is none."""
    found = _MAILTO.fullmatch(text.strip(" \t"))
    return found[1].lower() if found else None
