"""The checks that every kind of resource shares: what passes them needs no other look.

Used at both ends of the wire, so this module is stdlib only.
"""

from __future__ import annotations

import re
from functools import lru_cache

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class InvalidResource(ValueError):
    """A value no node may be given. ``field`` names it, ``code`` says why (stable, for translation)."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


def check_domain(name: str, *, field: str = "name") -> str:
    """Return ``name`` if it is a lower-case host name of at least two labels (RFC 1035 2.3.1, RFC 1123 2.1).

    Raises InvalidResource: ``control``, ``too_long``, ``not_ascii``, ``syntax``.
    """
    check_text(name, field, 253)
    if not _is_domain(name):
        raise InvalidResource(field, "syntax")
    return name


@lru_cache(maxsize=4096)
def _is_domain(name: str) -> bool:
    """Remembered, since a batch of ten thousand addresses has few domains."""
    labels = name.split(".")
    return len(labels) >= 2 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def check_address(address: str, *, field: str = "address") -> str:
    """Return ``address`` if it is a mailbox address we host (a strict part of RFC 5321 4.1.2).

    Lower-case ASCII letters, digits, dot, hyphen, underscore; no ``+`` (kept for sub-addresses, RFC 5233),
    no dots at the ends or doubled, local part of at most 64 octets, 254 in all.

    Raises InvalidResource: ``control``, ``too_long``, ``not_ascii``, ``plus``, ``local_too_long``, ``syntax``.
    """
    check_text(address, field, 254)
    local, at, domain = address.rpartition("@")
    if not at:
        raise InvalidResource(field, "syntax")
    if "+" in local:
        raise InvalidResource(field, "plus")
    if len(local) > 64:
        raise InvalidResource(field, "local_too_long")
    if ".." in local or not _LOCAL.fullmatch(local):
        raise InvalidResource(field, "syntax")
    check_domain(domain, field=field)
    return address


def check_id(text: object, *, field: str = "id") -> str:
    """Return ``text`` if it is a UUID in its one canonical form (RFC 9562 4), since folders are named after it.

    Raises InvalidResource: ``syntax``.
    """
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise InvalidResource(field, "syntax")
    return text


def check_text(value: object, field: str, longest: int) -> None:
    """Take ASCII without control characters, ``longest`` at most.

    Raises InvalidResource: ``type``, ``control``, ``too_long``, ``not_ascii``.
    """
    if not isinstance(value, str):
        raise InvalidResource(field, "type")
    if _CONTROL.search(value):
        raise InvalidResource(field, "control")
    if len(value) > longest:
        raise InvalidResource(field, "too_long")
    if not value.isascii():
        raise InvalidResource(field, "not_ascii")


def check_integer(value: int, field: str, lowest: int, highest: int) -> None:
    """Take whole numbers within bounds. Raises InvalidResource: ``type``, ``range``."""
    if type(value) is not int:
        raise InvalidResource(field, "type")
    if not lowest <= value <= highest:
        raise InvalidResource(field, "range")
