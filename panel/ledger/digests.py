"""What the chain of events is made of: digests anybody can compute anew with nothing but SHA-256 and JSON.

Each value of an event's details has a digest of its own under a salt of its own, so that one can be erased and all
others still be proved; the digest of the details is made of these. ``docs/explanation/records.md`` has it in words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any

FIRST = bytes(32)
"""The digest before the first link."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


def canonical(value: Any) -> bytes:
    """``value`` as JSON in the one form that digests are made of: sorted keys, no spaces, ASCII."""
    if type(value) is str:  # what most values are; the encoder's own setting up costs more than their text
        return encode_basestring_ascii(value).encode()
    return _encode(value).encode()


def salt_of(salt: bytes, name: str) -> bytes:
    """The salt of one value, made from that of the event."""
    return sha256(salt + name.encode()).digest()[:16]


def value_digest(salt: bytes, value: Any) -> str:
    """The digest of one value under its own salt."""
    return sha256(salt + canonical(value)).hexdigest()


def values_of(actor_name: str, resource_name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an event's details by their names."""
    return {"actor_name": actor_name, "resource_name": resource_name} | {
        f"data.{name}": value for name, value in data.items()
    }


def details_digest(salt: bytes | None, erased: Mapping[str, Any] | None, values: Mapping[str, Any]) -> bytes:
    """The digest of all details; of values that were erased, ``erased`` knows what was kept instead of them."""
    erased = erased or {}
    salts, gone = erased.get("salts", {}), erased.get("digests", {})
    digests = {
        name: value_digest(bytes.fromhex(salts[name]) if name in salts else salt_of(salt or b"", name), value)
        for name, value in values.items()
        if name not in gone
    }
    return sha256(canonical(digests | dict(gone))).digest()


def link_digest(previous: bytes, seq: int, event: tuple[Any, ...], details: bytes) -> bytes:
    """The digest of a link: of all before it, its place, its event and the digest of the event's details.

    ``event``: id, time, tag, actor, on_behalf_of, member, node, job, kind and id of the resource.
    """
    id_, at, *rest = event
    said = [seq, str(id_), moment(at), *(None if value is None else str(value) for value in rest), details.hex()]
    return sha256(previous + canonical(said)).digest()


def moment(at: datetime) -> str:
    """A time as the chain writes it: UTC, with microseconds."""
    return at.isoformat(timespec="microseconds")
