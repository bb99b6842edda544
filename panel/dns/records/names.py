r"""Names in their one spelling: absolute with a final dot, lower case, octets beside ``a-z 0-9 _ - /`` as ``\DDD``.

A ``*`` stays as it is where it is the first label (RFC 4592 2.1.1). Two names are the same if their spellings are.
"""

from __future__ import annotations

import re

import dns.name

from panel.dns.idn import TYPED_MAX, to_ascii
from panel.kernel.errors import Invalid
from provisioning.record_sets import APEX

_PLAIN = re.compile(r"(?:\*\.)?[a-z0-9_/-]{1,63}(?:\.[a-z0-9_/-]{1,63})*\.?")
_PLAIN_LABEL = re.compile(rb"[a-z0-9_/-]+")
_WRITTEN = [chr(octet) if _PLAIN_LABEL.fullmatch(bytes([octet])) else f"\\{octet:03d}" for octet in range(256)]
_TEXT_MAX = 254
"""Characters of a name without escapes, its final dot among them: 255 octets in a message (RFC 1035 2.3.4)."""


def absolute(text: str, origin: str, *, field: str = "name") -> str:
    """The spelling of ``text``, which is relative to ``origin`` (absolute itself) unless it ends with a dot.

    U-labels become A-labels. Raises Invalid ``name_empty``, ``name_empty_label``, ``name_label_long``, ``name_long``,
    ``name_escape``, ``name_idn``, ``value_control``.
    """
    lowered = text.lower() if text.isascii() else text
    if _PLAIN.fullmatch(lowered) and "\\" not in origin:
        whole = lowered if lowered[-1] == "." else f"{lowered}.{origin}".replace("..", ".")
        if len(whole) <= _TEXT_MAX:
            return whole
    return spelled(parsed(text, origin, field=field))


def relative(whole: str, zone: str) -> str | None:
    """``whole`` as it stands in ``zone``, ``@`` its apex; None outside. Both are absolute spellings."""
    if whole == zone:
        return APEX
    if zone == ".":
        return whole[:-1]
    return whole[: -len(zone) - 1] if whole.endswith(f".{zone}") else None


def whole_name(name: str, zone: str) -> str:
    """The absolute spelling of ``name``, a spelling relative to ``zone``, which is one without a final dot."""
    return f"{zone}." if name == APEX else f"{name}.{zone}."


def spelled(name: dns.name.Name) -> str:
    """The spelling of an absolute ``name``."""
    labels = name.labels[:-1]
    if not labels:
        return "."
    texts = [_spelled_label(label.lower()) for label in labels]
    if labels[0] == b"*":
        texts[0] = "*"
    return ".".join(texts) + "."


def parsed(text: str, origin: str, *, field: str = "name") -> dns.name.Name:
    """``text`` as dnspython's name. Raises what ``absolute`` raises."""
    if not text:
        raise Invalid("name_empty", field=field)
    if not text.isprintable():
        raise Invalid("value_control", field=field)
    if len(text) > TYPED_MAX:
        raise Invalid("name_long", field=field, name=f"{text[:80]}…")
    try:
        return dns.name.from_text(to_ascii(text, field=field), dns.name.from_text(origin))
    except dns.name.EmptyLabel:
        raise Invalid("name_empty_label", field=field, name=text) from None
    except dns.name.LabelTooLong:
        raise Invalid("name_label_long", field=field, name=text) from None
    except dns.name.NameTooLong:
        raise Invalid("name_long", field=field, name=text) from None
    except dns.name.BadEscape:
        raise Invalid("name_escape", field=field, name=text) from None


def _spelled_label(label: bytes) -> str:
    if _PLAIN_LABEL.fullmatch(label):
        return label.decode("ascii")
    return "".join([_WRITTEN[octet] for octet in label])
