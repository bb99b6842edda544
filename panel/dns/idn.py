"""Names with letters beyond ASCII, both ways (IDNA 2008, RFC 5891, after the mappings of UTS 46)."""

from __future__ import annotations

import re
from functools import lru_cache

import idna

from panel.kernel.errors import Invalid

TYPED_MAX = 1_100
"""Characters of a name however it is typed: 253 octets as escapes, dots and some to spare. Longer ones take long."""

_LABEL = re.compile(r"(?:\\.|[^.\\。．｡])*", re.DOTALL)
_LABEL_MAX = 63
_DOTS = str.maketrans("。．｡", "...")


def to_ascii(name: str, *, field: str = "name") -> str:
    r"""``name`` with A-labels for its U-labels; ASCII labels, ``*``, ``_x`` and escapes stay as they are.

    Raises Invalid ``name_idn`` (``label``) for a label that IDNA 2008 does not know, ``name_long``.
    """
    if name.isascii():
        return name
    if len(name) > TYPED_MAX:
        raise Invalid("name_long", field=field, name=f"{name[:80]}…")
    return ".".join(label if label.isascii() else _a_label(label, field) for label in _labels(name))


@lru_cache(maxsize=4096)
def to_unicode(name: str) -> str:
    """``name`` as people read it: U-labels where an A-label stands for one, else unchanged."""
    if "xn--" not in name:
        return name
    return ".".join(map(_u_label, name.split(".")))


def _labels(name: str) -> list[str]:
    """The labels, dots of other scripts taken for dots (UTS 46 4), escaped dots left inside."""
    found: list[str] = []
    place = 0
    while True:
        label = _LABEL.match(name, place)
        if label is None or (label.end() < len(name) and name[label.end()] == "\\"):
            return [*found, name[place:]]
        found.append(label[0])
        if label.end() == len(name):
            return found
        place = label.end() + 1


def _a_label(label: str, field: str) -> str:
    try:
        return idna.alabel(idna.uts46_remap(label[: _LABEL_MAX + 1], std3_rules=False)).decode("ascii")
    except idna.IDNAError:
        raise Invalid("name_idn", field=field, label=label.translate(_DOTS)[:_LABEL_MAX]) from None


def _u_label(label: str) -> str:
    if not label.lower().startswith("xn--"):
        return label
    try:
        shown = idna.ulabel(label)
        return shown if idna.alabel(shown).decode("ascii") == label.lower() else label
    except (idna.IDNAError, UnicodeError):
        return label
