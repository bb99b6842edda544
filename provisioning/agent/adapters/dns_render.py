"""Zone files, made of typed record sets and nothing else. Pure."""

from __future__ import annotations

import json

from provisioning.agent.adapters.dns_rows import Row


def zone_file(row: Row) -> bytes:
    """Return the zone file of a row. Its serial counts only where Knot knows none of the zone: it numbers by itself.

    A row that somebody edited into what is no zone makes Knot refuse the file. Raises ValueError where it is no JSON,
    KeyError, TypeError.
    """
    lines = [f"$ORIGIN {row.name}.", f"@ {soa_ttl(row)} IN SOA {soa_data(row, row.first)}"]
    lines += [f"{name} {ttl} IN {type_} {value}" for name, ttl, type_, value in records(row)]
    return ("\n".join(lines) + "\n").encode()


def records(row: Row) -> list[tuple[str, int, str, str]]:
    """Return the records of a row: name, TTL, type, value. Raises as `zone_file` does."""
    return [(name, ttl, type_, value) for name, type_, ttl, values in json.loads(row.records) for value in values]


def soa_ttl(row: Row) -> int:
    """Return the TTL of a row's start."""
    return int(json.loads(row.soa)["ttl"])


def soa_data(row: Row, serial: int) -> str:
    """Return the start of a row's zone with this serial."""
    soa = json.loads(row.soa)
    times = " ".join(str(soa[name]) for name in ("refresh", "retry", "expire", "minimum"))
    return f"{soa['mname']} {soa['rname']} {serial} {times}"
