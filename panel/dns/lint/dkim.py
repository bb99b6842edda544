"""DKIM keys (RFC 6376 3.6.1, 8301, 8463): one for a selector, readable, and strong enough."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.tags import tags_of
from panel.dns.lint.view import View

_WEAK, _FORBIDDEN = 2_048, 1_024
_KINDS = frozenset({"rsa", "ed25519"})


def records(view: View) -> Finds:
    """One record for a selector, with tags, ``v=DKIM1`` the first if it is there."""
    for name, texts in _selectors(view):
        if len(texts) > 1:
            yield Found("dkim_many", name, "TXT", {"number": len(texts)})
            continue
        tags = tags_of(texts[0])
        begins = [*(tags or {})][:1] == ["v"]
        good = tags is not None and "p" in tags and ("v" not in tags or (begins and tags["v"] == "DKIM1"))
        if not good:
            yield Found("dkim_syntax", name, "TXT")


def keys(view: View) -> Finds:
    """The key is one, of a kind that is known, and long enough; an empty one is revoked, which is fine."""
    for name, texts in _selectors(view):
        tags = tags_of(texts[0]) if len(texts) == 1 else None
        if not tags or not tags.get("p"):
            continue
        kind = tags.get("k", "rsa")
        bits = _bits(kind, tags["p"]) if kind in _KINDS else None
        if bits is None:
            yield Found("dkim_key", name, "TXT", {"kind": kind[:20]})
        elif kind == "rsa" and bits < _FORBIDDEN:
            yield Found("dkim_too_weak", name, "TXT", {"bits": bits, "least": _FORBIDDEN})
        elif kind == "rsa" and bits < _WEAK:
            yield Found("dkim_weak", name, "TXT", {"bits": bits, "least": _WEAK})


def testing(view: View) -> Finds:
    """A key that is being tested tells receivers to look away."""
    for name, texts in _selectors(view):
        tags = tags_of(texts[0]) if len(texts) == 1 else None
        if tags and "y" in tags.get("t", "").replace(" ", "").split(":"):
            yield Found("dkim_testing", name, "TXT")


def _selectors(view: View) -> Iterator[tuple[str, list[bytes]]]:
    for one in view.sets("TXT"):
        labels = one.name.split(".")
        if "_domainkey" in labels[1:] and labels[0] != "_adsp":
            yield one.name, view.texts(one.name)


def _bits(kind: str, text: str) -> int | None:
    try:
        octets = base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        return None
    if kind == "ed25519":
        return 256 if len(octets) == 32 else None
    try:
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, RSAPublicKey) else None


RULES = (records, keys, testing)
