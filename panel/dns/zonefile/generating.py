"""``$GENERATE`` as BIND understands it: a range, and templates in which ``$`` stands for its numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from panel.kernel.errors import Invalid

GENERATED_MAX = 10_000
"""Records that all ``$GENERATE`` of a zone may make together."""

_WIDTH_MAX, _TEMPLATE_MAX = 64, 2_048
"""Nibbles of an IPv6 address with their dots take 63; BIND's own templates are as long."""
_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})(?:/([0-9]{1,10}))?")
_PLACE = re.compile(
    r"\\."  # an escape stays as it is, \$ too
    r"|\$\$"
    r"|\$\{(?P<offset>[+-]?[0-9]{1,10})(?:,(?P<width>[0-9]{1,5})(?:,(?P<base>[doxXnN]))?)?\}"
    r"|\$(?P<open>\{)?"
)


def numbers(text: str) -> range:
    """The numbers of ``first-last`` or ``first-last/step``. Raises Invalid ``generate_range``."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise Invalid("generate_range", name=text[:40])
    first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if first > last or step < 1 or last >= 2**31:
        raise Invalid("generate_range", name=text[:40])
    return range(first, last + 1, step)


def expanded(template: str, wanted: range) -> Iterator[str]:
    """``template`` for each number. ``${offset,width,base}``: d, o, x, X, or n, N (nibbles, the last first).

    Raises Invalid ``generate_template``, before the first.
    """
    if len(template) > _TEMPLATE_MAX:
        raise Invalid("generate_template", name=f"{template[:40]}…")
    parts = _parts(template)
    for number in wanted:
        yield "".join(part if isinstance(part, str) else part(number) for part in parts)


def _parts(template: str) -> list[str | Callable[[int], str]]:
    """What stands between the places, and these. An offset holds for those behind it too, a peculiarity of BIND."""
    parts: list[str | Callable[[int], str]] = []
    place = offset = 0
    for match in _PLACE.finditer(template):
        offset = int(match["offset"] or offset)
        parts += [template[place : match.start()], _part(match, offset)]
        place = match.end()
    return [*parts, template[place:]]


def _part(match: re.Match[str], offset: int) -> str | Callable[[int], str]:
    if match[0][0] == "\\":
        return match[0]
    if match[0] == "$$":
        return "$"
    width = int(match["width"] or 0)
    if match["open"] or width > _WIDTH_MAX:
        raise Invalid("generate_template", name=match[0][:40])
    return _counter(offset, width, match["base"] or "d")


def _counter(offset: int, width: int, base: str) -> Callable[[int], str]:
    def counted(number: int) -> str:
        value = number + offset
        if value < 0 and base != "d":
            raise Invalid("generate_template", name=str(value))
        return _nibbles(value, width, base) if base in "nN" else format(value, f"0{width}{base}" if width else base)

    return counted


def _nibbles(value: int, width: int, base: str) -> str:
    """``width`` counts digits and the dots behind them, so an even one ends with a dot, as in BIND."""
    digits = [*reversed(format(value, "x" if base == "n" else "X"))]
    digits += ["0"] * ((width + 1) // 2 - len(digits))
    return ".".join(digits) + ("." if 2 * len(digits) == width else "")
