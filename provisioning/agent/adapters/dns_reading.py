"""What Knot tells of single zones: serial, what the parent should know of their keys, when signatures end, updates."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from provisioning.agent.adapters.dns_knot import SIGNING, Knot
from provisioning.agent.adapters.knot_control import Answer

_SHA256 = 2
_KEY_OF_ZONE_ENTERED = 257  # ZONE and SEP (RFC 4034 2.1.1)
_ESCAPED = re.compile(rb"\\([0-9]{3})|\\(.)", re.DOTALL)


def facts(knot: Knot, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Tell of each zone that is loaded its serial, its DS records' values and when the first signature ends.

    ``ds``: of all keys that the parent may name. ``cds``: what it should have, so of the newest of them (RFC 7344).

    Only signatures at the apex are asked for: those of keys and name servers, which are as old as any.
    Raises KnotError.
    """
    names = list(names)
    serials = knot.serials(names)
    return {name: {"serial": serials[name], **_signed(knot, name)} for name in names if name in serials}


def sets(knot: Knot, name: str) -> dict[str, Any] | None:
    """Tell what a zone holds now, but for its start and what Knot makes itself; None where it is not loaded."""
    answers = knot.read(name)
    found: dict[tuple[str, str], list[Any]] = {}
    for one in answers:
        if one.type not in SIGNING and one.type != "SOA":
            owner = relative(one.owner, name)
            found.setdefault((owner, one.type), [owner, one.type, int(one.ttl), []])[3].append(one.data)
    serial = next((int(one.data.split()[2]) for one in answers if one.type == "SOA"), None)
    if serial is None:
        return None
    ordered = sorted(found.values(), key=lambda one: (one[0] != "@", one[0], one[1]))
    return {"serial": serial, "records": [[*one[:3], sorted(one[3])] for one in ordered]}


def ds_of(name: str, key: str) -> str:
    """Return the DS record's value for a DNSKEY's, with SHA-256 (RFC 4034 5.1.4, RFC 4509)."""
    flags, protocol, algorithm, *text = key.split()
    octets = int(flags).to_bytes(2, "big") + bytes([int(protocol), int(algorithm)]) + base64.b64decode("".join(text))
    digest = hashlib.sha256(wire_name(name) + octets).hexdigest()
    return f"{_tag(octets)} {algorithm} {_SHA256} {digest}"


def wire_name(name: str) -> bytes:
    """Return an absolute name, written without its final dot, as messages have it (RFC 1035 3.1)."""
    labels = (_ESCAPED.sub(_octet, label.encode()) for label in name.lower().split("."))
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def relative(owner: str, zone: str) -> str:
    """Return an owner as record sets have it: relative to the zone, ``@`` for the apex."""
    bare = owner.removesuffix(".")
    return "@" if bare == zone else bare.removesuffix(f".{zone}")


def _signed(knot: Knot, name: str) -> dict[str, Any]:
    signatures = knot.read(name, "@", "RRSIG")
    if not signatures:
        return {"ds": [], "cds": [], "expires_at": None}
    keys = [one.data for one in knot.read(name, "@", "DNSKEY") if one.data.startswith(f"{_KEY_OF_ZONE_ENTERED} ")]
    cds = sorted(found for one in knot.read(name, "@", "CDS") if (found := _wanted_ds(one.data)))
    return {"ds": sorted(_ds(name, keys)), "cds": cds, "expires_at": _first_end(signatures)}


def _ds(name: str, keys: Iterable[str]) -> Iterable[str]:
    for key in keys:
        try:
            yield ds_of(name, key)
        except (ValueError, binascii.Error):
            continue


def _wanted_ds(cds: str) -> str:
    """The DS that a CDS asks for; "" where it asks to be rid of it (RFC 8078 4)."""
    tag, algorithm, sort, *digest = cds.lower().split()
    return "" if algorithm == "0" else f"{tag} {algorithm} {sort} {''.join(digest)}"


def _first_end(signatures: Sequence[Answer]) -> str:
    # type algorithm labels ttl expiration inception … (RFC 4034 3.2)
    first = min(one.data.split()[4] for one in signatures)
    return datetime.strptime(first, "%Y%m%d%H%M%S").replace(tzinfo=UTC).isoformat()


def _tag(octets: bytes) -> int:
    """RFC 4034, Appendix B."""
    total = sum(octet if at & 1 else octet << 8 for at, octet in enumerate(octets))
    return (total + (total >> 16)) & 0xFFFF


def _octet(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1])]) if match[1] else match[2]
