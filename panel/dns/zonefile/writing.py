"""A zone as a zone file that every name server and ``read_zone`` take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioning.record_sets import RecordSet, Soa, in_order

_NAME_WIDTH, _TYPE_WIDTH = 24, 6


def write_zone(name: str, soa: Soa, sets: Iterable[RecordSet], serial: int) -> str:
    """The text of the zone ``name``: one record a line, in the order of sets, every TTL said, no comments."""
    timers = f"{serial} {soa.refresh} {soa.retry} {soa.expire} {soa.minimum}"
    start = _line("@", soa.ttl, "SOA", f"{soa.mname} {soa.rname} {timers}")
    return "\n".join([f"$ORIGIN {name}.", start, *_lines(in_order(sets))]) + "\n"


def _lines(sets: Iterable[RecordSet]) -> Iterator[str]:
    for one in sets:
        for value in one.values:
            yield _line(one.name, one.ttl, one.type, value)


def _line(name: str, ttl: int, type_: str, value: str) -> str:
    return f"{name:<{_NAME_WIDTH}} {ttl:>6} IN {type_:<{_TYPE_WIDTH}} {value}"
