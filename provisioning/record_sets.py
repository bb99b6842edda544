r"""The records of a zone as they are kept, sent and written: typed, canonical, one text for one thing.

Used at both ends of the wire, so this module is stdlib only. Names here have one spelling: lower case, and any octet
beside ``a-z 0-9 _ - /`` as ``\DDD`` (RFC 1035 5.1), but for a ``*`` that is the first label. Values are tokens with one
space between them. What a `RecordSet` holds stands in a zone file as so many records as it has values, never more:
no value ends a line, opens a parenthesis or a comment, or names a directive.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from provisioning.checks import InvalidResource, check_integer, check_text

TYPES = frozenset(
    "A AAAA CAA CNAME DNAME DS HTTPS LOC MX NAPTR NS OPENPGPKEY PTR SMIMEA SRV SSHFP SVCB TLSA TXT URI".split()
)
TTL_MAX = 604_800
SECONDS_MAX = 2**31 - 1
VALUE_MAX = 65_535
VALUES_MAX = 10_000
APEX = "@"

# The numbers of TYPES, which have their names; those of no zone data (RFC 6895 3.1: 128 to 255, OPT; NULL is allowed
# in no file, RFC 1035 3.3.10); those that the server makes (SOA, DNSSEC's of RFC 4034, 5155, 7344, 8976 and before).
_NUMBERED = {1, 2, 5, 12, 15, 16, 28, 29, 33, 35, 39, 43, 44, 52, 53, 61, 64, 65, 256, 257}
_NO_DATA = {0, 10, 41, 65535, *range(128, 256)}
_GENERATED = {6, 24, 25, 30, 46, 47, 48, 50, 51, 59, 60, 62, 63}
_REFUSED_NUMBERS = _NUMBERED | _NO_DATA | _GENERATED
_UNKNOWN_TYPE = re.compile(r"TYPE(0|[1-9][0-9]{0,4})")

_ESCAPE = r"\\(?:[01][0-9]{2}|2[0-4][0-9]|25[0-5])"
_PLAIN_LABEL = re.compile(r"[a-z0-9_/-]{1,63}")
# These are compiled at their first use (re keeps them): an agent without zones starts without.
_OCTET = rf"[a-z0-9_/-]|{_ESCAPE}"
_LABEL = rf"(?:[a-z0-9_/-]|{_ESCAPE})+"
_NOT_ESCAPED = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-/") | frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Printable ASCII beside space, quote, parentheses, semicolon, `@`, `$` and backslash.
_BARE = rf"(?:[!#%&'*-:<-?A-\[\]-~]|{_ESCAPE}|\\[.\\])"
_QUOTED = rf'"(?:[ !#-\[\]-~]|{_ESCAPE}|\\["\\])*"'
_TOKEN = rf"(?:{_QUOTED}|{_BARE}+(?:={_QUOTED})?)"
_VALUE = rf"{_TOKEN}(?: {_TOKEN})*"
_GENERIC = r"\\# (0|[1-9][0-9]{0,4})(?: ((?:[0-9a-f]{2})+))?"


@dataclass(frozen=True, slots=True)
class RecordSet:
    r"""All records of one name and type.

    ``name`` is relative to the zone, ``@`` its apex. ``type`` is one of TYPES, or ``TYPE<n>`` whose values are
    ``\# <length> <hex>`` (RFC 3597). ``values`` are sorted, without doubles, names in them absolute and lower case.

    Raises InvalidResource: ``name``, ``type``, ``ttl``, ``values`` with ``type``, ``syntax``, ``range``, ``unknown``,
    ``missing``, ``too_long``, ``too_many``, ``order``, ``not_ascii``, ``control``.
    """

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        check_name(self.name)
        check_type(self.type)
        check_integer(self.ttl, "ttl", 0, TTL_MAX)
        _check_values(self.values, generic=self.type not in TYPES)

    @property
    def place(self) -> tuple[bool, str, str]:
        """Where it stands among the sets of its zone: the apex first, then by name and type."""
        return self.name != APEX, self.name, self.type

    def plain(self) -> list[Any]:
        """Return what stands on the wire: ``[name, type, ttl, [values]]``."""
        return [self.name, self.type, self.ttl, list(self.values)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Soa:
    """The start of a zone but for its serial, which the server owns. Names are absolute, times in seconds."""

    mname: str
    rname: str
    refresh: int
    retry: int
    expire: int
    minimum: int
    ttl: int

    def __post_init__(self) -> None:
        for field in ("mname", "rname"):
            _check_absolute(getattr(self, field), field)
        for field in ("refresh", "retry", "expire", "minimum", "ttl"):
            check_integer(getattr(self, field), field, 0, SECONDS_MAX)

    def plain(self) -> dict[str, Any]:
        """Return what stands on the wire."""
        return {name: getattr(self, name) for name in self.__slots__}


def read_set(body: object) -> RecordSet:
    """Read ``[name, type, ttl, [values]]``. Raises InvalidResource."""
    if not isinstance(body, list) or len(body) != 4 or not isinstance(body[3], list):
        raise InvalidResource("records", "type")
    return RecordSet(body[0], body[1], body[2], tuple(body[3]))


def read_soa(body: object) -> Soa:
    """Read what `Soa.plain` wrote. Raises InvalidResource."""
    if not isinstance(body, dict) or body.keys() != set(Soa.__slots__):
        raise InvalidResource("soa", "type")
    return Soa(**body)


def in_order(sets: Iterable[RecordSet]) -> tuple[RecordSet, ...]:
    """Return the sets as a zone has them."""
    return tuple(sorted(sets, key=lambda one: one.place))


def content_digest(soa: Soa, records: Sequence[RecordSet], *, dnssec: bool, leaving: bool = False, updates: str) -> str:
    """SHA-256, hex, of all that a zone is to hold, the sets in their order: what the panel keeps beside a zone's row.

    Equal digests are equal contents, so whole tables of zones are compared without their records. What programs put
    into a zone of ``updates`` is theirs: its records are compared with nothing.
    """
    body = [soa.plain(), [] if updates else [one.plain() for one in records], dnssec, leaving, updates]
    return hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()


def check_name(name: object, *, field: str = "name") -> None:
    r"""Take ``@``, or labels relative to a zone, the first perhaps ``*``. Raises InvalidResource."""
    check_text(name, field, 1_016)
    if name == APEX:
        return
    labels = str(name).removeprefix("*.").split(".") if name != "*" else []
    if sum(_check_label(label, field) + 1 for label in labels) > 253:
        raise InvalidResource(field, "too_long")


def octets_of(name: str) -> int:
    """How many octets a name of this spelling takes in a message, its last one left out (RFC 1035 3.1)."""
    return 0 if name == APEX else len(re.sub(_ESCAPE, "x", name)) + 1


def check_type(type_: object) -> None:
    """Take TYPES and ``TYPE<n>`` of what has no name here, is data, and is made by no server.

    Raises InvalidResource: ``unknown``.
    """
    if type_ in TYPES:
        return
    number = _UNKNOWN_TYPE.fullmatch(type_) if isinstance(type_, str) else None
    if number is None or int(number[1]) > 65_535 or int(number[1]) in _REFUSED_NUMBERS:
        raise InvalidResource("type", "unknown")


def _check_label(label: str, field: str) -> int:
    """Return how many octets it has."""
    if _PLAIN_LABEL.fullmatch(label):
        return len(label)
    if not re.fullmatch(_LABEL, label):
        raise InvalidResource(field, "syntax")
    octets = re.findall(_OCTET, label)
    if any(len(octet) > 1 and int(octet[1:]) in _NOT_ESCAPED for octet in octets):
        raise InvalidResource(field, "syntax")
    if len(octets) > 63:
        raise InvalidResource(field, "too_long")
    return len(octets)


def _check_absolute(name: object, field: str) -> None:
    check_text(name, field, 1_017)
    if not str(name).endswith(".") or name == ".":
        raise InvalidResource(field, "syntax")
    check_name(str(name)[:-1], field=field)


def _check_values(values: object, *, generic: bool) -> None:
    if not isinstance(values, tuple) or not all(isinstance(value, str) for value in values):
        raise InvalidResource("values", "type")
    if not values or len(values) > VALUES_MAX:
        raise InvalidResource("values", "too_many" if values else "missing")
    for value in values:
        _check_value(value, generic=generic)
    if any(one >= next_ for one, next_ in pairwise(values)):
        raise InvalidResource("values", "order")


def _check_value(value: str, *, generic: bool) -> None:
    check_text(value, "values", VALUE_MAX)
    if not generic and not re.fullmatch(_VALUE, value):
        raise InvalidResource("values", "syntax")
    if generic:
        found = re.fullmatch(_GENERIC, value)
        if found is None or int(found[1]) * 2 != len(found[2] or ""):
            raise InvalidResource("values", "syntax")
