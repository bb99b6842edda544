"""Sets of records as people and programs ask for them, made canonical; and the start of a zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from panel.dns.records.fields import explained
from panel.dns.records.names import absolute, relative
from panel.dns.records.types import type_called
from panel.kernel.errors import Invalid
from provisioning.record_sets import VALUES_MAX, RecordSet, Soa

TTL_LEAST, TTL_MOST = 60, 604_800
"""A minute, so that resolvers are not asked again and again; a week, after which changes have come everywhere."""

SOA_BOUNDS = {
    "refresh": (300, 604_800),
    "retry": (60, 86_400),
    "expire": (86_400, 5_184_000),
    "minimum": (60, 86_400),
    "ttl": (TTL_LEAST, TTL_MOST),
}
"""Seconds, around what RIPE-203 and RFC 1912 2.2 advise; negative answers at most a day (RFC 2308 5)."""


def canonical_set(name: str, type_: str, ttl: Any, values: Sequence[str], zone: str) -> RecordSet:
    """The set as the zone ``zone`` (A-labels, no final dot) keeps it.

    ``name`` and names in ``values`` are relative to the zone unless they end with a dot, ``@`` is the zone itself;
    U-labels become A-labels; ``type_`` in any case, also ``TYPE<n>``; ``values`` in the words of zone files, doubles
    joined.

    Raises Invalid naming ``name``, ``type``, ``ttl``, or ``values`` with the row (``values.2``), and what to change.
    """
    known = type_called(type_)
    return RecordSet(canonical_name(name, zone), known, checked_ttl(ttl), canonical_values(known, values, zone))


def canonical_name(name: str, zone: str) -> str:
    """The spelling of ``name`` relative to ``zone``. Raises Invalid ``name_outside`` and what ``absolute`` raises."""
    inside = relative(absolute(name.strip(" ") or "@", f"{zone}."), f"{zone}.")
    if inside is None:
        raise Invalid("name_outside", field="name", name=name, zone=zone)
    return inside


def canonical_values(type_: str, values: Sequence[str], zone: str) -> tuple[str, ...]:
    """The ``values`` of a set of ``type_`` (as ``type_called`` says it), in order, without doubles.

    Raises Invalid for ``values``, ``values.<row>`` or ``values.<row>.<part>``; all rows that are wrong stand in its
    ``errors``.
    """
    if not values:
        raise Invalid("required", field="values")
    if len(values) > VALUES_MAX:
        raise Invalid("values_many", field="values", most=VALUES_MAX)
    found: set[str] = set()
    faults: list[Invalid] = []
    for row, value in enumerate(values):
        try:
            found.add(explained(type_, value, f"{zone}."))
        except Invalid as fault:
            field = ".".join(("values", str(row), *filter(None, [fault.params.get("part")])))
            faults.append(Invalid(fault.code, field=field, **fault.params))
    if faults:
        raise Invalid(faults[0].code, field=faults[0].field, errors=faults, **faults[0].params)
    return tuple(sorted(found))


def checked_ttl(ttl: Any) -> int:
    """``ttl`` if it is a whole number of seconds that a set may have. Raises Invalid."""
    return _checked("ttl", ttl, TTL_LEAST, TTL_MOST)


def canonical_soa(soa: Soa, **changed: Any) -> Soa:
    """``soa`` with timers (refresh, retry, expire, minimum, ttl) changed; nothing else of it is for people to change.

    Raises Invalid naming the timer: ``number_bad``, ``number_range``, ``unknown_field``.
    """
    for field, value in changed.items():
        if field not in SOA_BOUNDS:
            raise Invalid("unknown_field", field=field)
        _checked(field, value, *SOA_BOUNDS[field])
    return replace(soa, **changed)


def _checked(field: str, value: Any, least: int, most: int) -> int:
    if type(value) is not int:
        raise Invalid("number_bad", field=field)
    if not least <= value <= most:
        raise Invalid("number_range", field=field, least=least, most=most)
    return value
