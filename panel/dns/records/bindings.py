"""Parameters of HTTPS and SVCB (RFC 9460 2.1) as text that name servers of every age read.

Servers differ in which keys they know by name: Knot 3.2 knows the seven of RFC 9460 and refuses the zone for others,
so all later ones are written by number, and so are protocol names that are no plain words of two letters or more.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

import dns.ipv4
import dns.ipv6

from panel.dns.records.strings import quoted
from panel.kernel.errors import Invalid

_NAMES = ("mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint")
_PATH, _PATH_KEY = re.compile(rb"/[!#-&(-;=?-\[\]_a-{}~]*\{\?dns[!#-&(-;=?-\[\]_a-{}~]*"), 7
_PLAIN = re.compile(rb"[A-Za-z0-9./_+-]{2,255}")


def parameters_text(type_: str, wire: bytes) -> str:
    """The parameters in ``wire``, the data of a record that dnspython wrote, in their order, each behind a space.

    Raises Invalid ``value_bad`` for a path of DNS over HTTPS that is no template (RFC 9461 5): BIND takes no such zone.
    """
    place = 2
    while wire[place]:
        place += wire[place] + 1
    found = [*_parameters(wire, place + 1)]
    if any(key == _PATH_KEY and not _PATH.fullmatch(value) for key, value in found):
        raise Invalid("value_bad", field="values", type=type_)
    return "".join(f" {_written(key, value)}" for key, value in found)


def _parameters(wire: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    while place < len(wire):
        key, length = _number(wire[place : place + 2]), _number(wire[place + 2 : place + 4])
        yield key, wire[place + 4 : place + 4 + length]
        place += 4 + length


def _written(key: int, value: bytes) -> str:
    text = _TEXTS[key](value) if key in _TEXTS else None
    name = _name(key) if text is not None or not value else f"key{key}"
    if text is None and not value:
        return name
    return f'{name}="{text}"' if text is not None else f"{name}={quoted(value)}"


def _name(key: int) -> str:
    return _NAMES[key] if key < len(_NAMES) else f"key{key}"


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def _cut(value: bytes, size: int) -> list[bytes]:
    return [value[start : start + size] for start in range(0, len(value), size)]


def _mandatory(value: bytes) -> str:
    return ",".join(_name(_number(key)) for key in _cut(value, 2))


def _protocols(value: bytes) -> str | None:
    names = []
    while value:
        names.append(value[1 : 1 + value[0]])
        value = value[1 + value[0] :]
    return b",".join(names).decode() if all(map(_PLAIN.fullmatch, names)) else None


def _port(value: bytes) -> str:
    return str(_number(value))


def _addresses(size: int, shown: Callable[[bytes], str]) -> Callable[[bytes], str]:
    return lambda value: ",".join(map(shown, _cut(value, size)))


def _key_of_hello(value: bytes) -> str:
    return base64.b64encode(value).decode()


_TEXTS: dict[int, Callable[[bytes], str | None]] = {
    0: _mandatory,
    1: _protocols,
    3: _port,
    4: _addresses(4, dns.ipv4.inet_ntoa),
    5: _key_of_hello,
    6: _addresses(16, dns.ipv6.inet_ntoa),
}
