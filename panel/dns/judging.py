"""What people want of a zone's sets, made canonical and judged as a whole before anything is written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from panel.dns.around import around_us
from panel.dns.content import Content, by_key
from panel.dns.lint import Around, Remark, lint
from panel.dns.records import canonical_set
from panel.dns.records.canonical import canonical_name
from panel.dns.records.types import type_called
from panel.kernel.errors import Conflict, Invalid
from provisioning.record_sets import RecordSet

DEFAULT_TTL = 3_600
SETS_MAX = 100_000
"""How many sets a zone may have; RFC 1035 knows no bound, but people wait while they are looked through."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody wants of one set. ``values`` None or empty: none; ``ttl`` None: as it is, or an hour."""

    name: str
    type: str
    ttl: int | None = None
    values: Sequence[str] | None = None


def wanted_content(old: Content, changes: Iterable[Wanted | RecordSet]) -> Content:
    """The content with ``changes`` made, each name and type named once.

    Raises Invalid with the ``row`` at fault: what ``canonical_set`` says, ``set_twice``; ``zone_big``.
    """
    sets = by_key(old.sets)
    named: set[tuple[str, str]] = set()
    for row, wanted in enumerate(changes):
        key, new = _canonical(wanted, sets, old.name, row)
        if key in named:
            raise Invalid("set_twice", field="name", name=key[0], type=key[1], row=row)
        named.add(key)
        if new is None:
            sets.pop(key, None)
        else:
            sets[key] = new
    if len(sets) > SETS_MAX:
        raise Invalid("zone_big", field="records", most=SETS_MAX)
    return replace(old, sets=tuple(sets.values()))


def judged(
    content: Content, *, before: Content | None = None, accept_warnings: bool = False, around: Around | None = None
) -> tuple[Remark, ...]:
    """What the lint says of ``content``. Only what it did not say of ``before`` keeps it from being taken.

    ``around``: what is known of other names, where many zones are judged. Raises Invalid ``zone_lint`` for errors and
    Conflict ``zone_warnings`` for warnings nobody accepted, each with ``remarks``.
    """
    remarks, new = both_remarks(content, before=before, around=around)
    errors = [one for one in new if one.level == "error"]
    if errors:
        raise Invalid("zone_lint", field="records", zone=content.name, remarks=errors)
    if new and not accept_warnings:
        raise Conflict("zone_warnings", field="accept_warnings", zone=content.name, remarks=new)
    return remarks


def both_remarks(
    content: Content, *, before: Content | None = None, around: Around | None = None
) -> tuple[tuple[Remark, ...], list[Remark]]:
    """All that the lint says of ``content``, and what of it it did not say of ``before``."""
    around = around or around_us()
    remarks = tuple(lint(content, around=around))
    known = {_mark(one) for one in lint(before, around=around)} if before is not None and remarks else set()
    return remarks, [one for one in remarks if _mark(one) not in known]


def _canonical(
    wanted: Wanted | RecordSet, sets: dict[tuple[str, str], RecordSet], zone: str, row: int
) -> tuple[tuple[str, str], RecordSet | None]:
    if isinstance(wanted, RecordSet):  # made by our own hands, so canonical already
        return (wanted.name, wanted.type), wanted
    try:
        if wanted.values:
            ttl = DEFAULT_TTL if wanted.ttl is None else wanted.ttl
            new = canonical_set(wanted.name, wanted.type, ttl, wanted.values, zone)
            held = sets.get((new.name, new.type))
            keeps = wanted.ttl is None and held is not None
            return (new.name, new.type), replace(new, ttl=held.ttl) if keeps and held else new
        return (canonical_name(wanted.name, zone), type_called(wanted.type)), None
    except Invalid as error:
        error.params.setdefault("row", row)
        raise


def _mark(remark: Remark) -> tuple[str, ...]:
    return remark.level, remark.code, remark.name, remark.type, repr(sorted(remark.params.items()))
