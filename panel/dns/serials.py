"""Serials of zones: which of two is the later one (RFC 1982), in the 32 bits that they have."""

from __future__ import annotations

_HALF, _WHOLE = 2**31, 2**32


def later(one: int, other: int) -> int:
    """The later of two serials; 0 stands for none. Of two that RFC 1982 leaves undecided, the greater number."""
    if not one or not other:
        return one or other
    return one if is_at_least(one, other) else other


def is_at_least(one: int, other: int) -> bool:
    """Whether ``one`` is the same as ``other`` or comes after it (RFC 1982 3.2)."""
    ahead = (one - other) % _WHOLE
    return ahead < _HALF or (ahead == _HALF and one > other)
