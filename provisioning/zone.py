"""A zone as a node should serve it. Used at both ends of the wire, so this module is stdlib only."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from provisioning.checks import InvalidResource, check_integer, check_text
from provisioning.record_sets import RecordSet, Soa, content_digest, octets_of, read_set, read_soa
from provisioning.resource import Resource, names_of

_ZONE_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Delegations of parts of a /24 (RFC 2317): `0/25`, `0-127`.
_REVERSE_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_/-]{0,61}[a-z0-9_])?")
_KEY_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?)?")
# 32 octets in base64, as long as HMAC-SHA256's results (RFC 8945 6).
_KEY_SECRET = re.compile(r"(?:[A-Za-z0-9+/]{43}=)?")
_SERIAL_MAX = 2**32 - 1
_TYPES = {"soa": Soa, "records": tuple, "dnssec": bool, "leaving": bool, "updates": str, "update_key": str}


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone(Resource):
    """A part of the name space, served as it is written here. ``name`` has no final dot; ``records`` are in order.

    ``dnssec``: signed. ``leaving``: signed still, but telling the parent to take its DS away (RFC 8078 4); only then
    may ``dnssec`` end. ``updates``: the TSIG key whose holder changes the zone by RFC 2136; then ``records`` are its
    first content only. ``update_key``: that key's secret, base64; "" where the node has it. ``serial_floor``: the
    serial must come to be above it (RFC 1982), 0 where nothing is known; neither is part of the content.
    """

    kind: ClassVar[str] = "zone"
    since: ClassVar[int] = 5
    later: ClassVar[tuple[str, ...]] = ("update_key",)
    name: str
    soa: Soa
    records: tuple[RecordSet, ...]
    dnssec: bool
    leaving: bool = False
    updates: str = ""
    update_key: str = field(default="", repr=False, compare=False)
    serial_floor: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        Resource.__post_init__(self)
        check_zone_name(self.name)
        for name, type_ in _TYPES.items():
            if type(getattr(self, name)) is not type_:
                raise InvalidResource(name, "type")
        if self.leaving and not self.dnssec:
            raise InvalidResource("leaving", "unsigned")
        if not _KEY_NAME.fullmatch(self.updates):
            raise InvalidResource("updates", "syntax")
        if not _KEY_SECRET.fullmatch(self.update_key) or (self.update_key and not self.updates):
            raise InvalidResource("update_key", "syntax")
        check_integer(self.serial_floor, "serial_floor", 0, _SERIAL_MAX)
        self._check_records()

    @property
    def content(self) -> str:
        """What `record_sets.content_digest` makes of it."""
        return content_digest(self.soa, self.records, dnssec=self.dnssec, leaving=self.leaving, updates=self.updates)

    def digest(self) -> str:
        """SHA-256, hex, as of every resource; of its content only the digest goes into it."""
        return self.digest_of(self.id, {"name": self.name, "content": self.content})

    def plain(self) -> dict[str, Any]:
        """Return its FIELDS as JSON has them."""
        read = {"soa": self.soa.plain(), "records": [one.plain() for one in self.records]}
        return {name: read.get(name, getattr(self, name)) for name in names_of(Zone)}

    @classmethod
    def read(cls, values: dict[str, Any]) -> Zone:
        """Read id, generation and what `plain` wrote. Raises InvalidResource."""
        if not isinstance(values["records"], list):
            raise InvalidResource("records", "type")
        read = {"soa": read_soa(values["soa"]), "records": tuple(map(read_set, values["records"]))}
        return cls(**{**values, **read})

    @classmethod
    def digest_of(cls, id: str, compared: dict[str, Any]) -> str:
        """Return the digest of the zone with this id, from its name and the digest of its content."""
        return hashlib.sha256(json.dumps([cls.kind, {"id": id, **compared}], sort_keys=True).encode()).hexdigest()

    def _check_records(self) -> None:
        room = 254 - len(self.name)
        before = (False, "", "")
        for one in self.records:
            if type(one) is not RecordSet:
                raise InvalidResource("records", "type")
            if one.place <= before:
                raise InvalidResource("records", "order")
            if len(one.name) > room - 1 and octets_of(one.name) > room:
                raise InvalidResource("records", "too_long")
            before = one.place


def check_zone_name(name: str) -> str:
    """Return ``name`` if it can be a zone's: lower case, at least two labels, no final dot, ``_`` within.

    Below ``in-addr.arpa`` labels may hold ``/`` too (RFC 2317).

    Raises InvalidResource: ``control``, ``too_long``, ``not_ascii``, ``syntax``.
    """
    check_text(name, "name", 253)
    labels = name.split(".")
    allowed = _REVERSE_LABEL if name.endswith(".in-addr.arpa") else _ZONE_LABEL
    if len(labels) < 2 or not all(map(allowed.fullmatch, labels)) or labels[-1].isdigit():
        raise InvalidResource("name", "syntax")
    return name
