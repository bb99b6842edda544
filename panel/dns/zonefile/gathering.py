"""Records as they come from files, gathered into sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
from dns.rdata import from_text
from dns.rdtypes.ANY.SOA import SOA

from panel.dns.content import Key
from panel.dns.records.canonical import TTL_LEAST, TTL_MOST
from panel.dns.records.fields import explained
from panel.dns.records.names import relative, spelled
from panel.dns.records.types import GENERATED, number_called, type_called
from panel.dns.zonefile.report import Report
from panel.kernel.errors import Invalid
from provisioning.checks import InvalidResource
from provisioning.record_sets import APEX, VALUES_MAX, RecordSet, Soa, in_order

_WITH_TEXT = frozenset("CAA NAPTR TXT URI".split())


class Where(NamedTuple):
    """A place in the uploaded files."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was typed. ``ttl`` None: nothing has told it yet; ``origin``: of relative names in ``data``."""

    ttl: int | None
    type: str
    data: list[str]
    origin: str


@dataclass(slots=True)
class _Set:
    """Values in the order in which they came, and the TTL of the first, which BIND gives to all."""

    ttl: int
    values: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Gathered:
    """The sets so far of ``zone`` (absolute spelling)."""

    zone: str
    report: Report
    soa: Soa | None = None
    serial: int | None = None
    _sets: dict[Key, _Set] = field(default_factory=dict)
    _types: dict[str, str] = field(default_factory=dict)

    def take(self, where: Where, owner: str, record: Record) -> None:
        """Take one record of ``owner`` (absolute spelling).

        Raises Invalid for one that cannot be taken; leaves out with a note what is made by servers.
        """
        name = relative(owner, self.zone)
        if name is None:
            raise Invalid("name_outside", name=owner, zone=self.zone[:-1])
        type_ = self._type(record.type)
        if type_ in GENERATED:
            self.report.note(*where, "generated_left_out", type_)
        elif type_ == "SOA":
            self._take_soa(where, name, record)
        else:
            self._add(where, (name, type_), _ttl_in_range(record.ttl), _value(type_, record))

    def sets(self) -> tuple[RecordSet, ...]:
        """All sets in their order."""
        return in_order(
            RecordSet(name, type_, one.ttl, tuple(sorted(one.values))) for (name, type_), one in self._sets.items()
        )

    def _type(self, text: str) -> str:
        """``type_called`` for what a zone may hold, the names of SOA and of what servers make too; remembered."""
        if text not in self._types:
            name = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number_called(text)))
            self._types[text] = name if name == "SOA" or name in GENERATED else type_called(text)
        return self._types[text]

    def _add(self, where: Where, key: Key, ttl: int, value: str) -> None:
        one = self._sets.setdefault(key, _Set(ttl))
        if one.ttl != ttl:
            self.report.note(*where, "ttl_differs")
        if value in one.values:
            self.report.note(*where, "double")
        elif len(one.values) == VALUES_MAX:
            raise Invalid("values_many", most=VALUES_MAX)
        one.values[value] = None

    def _take_soa(self, where: Where, name: str, record: Record) -> None:
        if name != APEX:
            raise Invalid("file_soa_place", name=name)
        soa, serial = _read_soa(record)
        if self.soa is None:
            self.soa, self.serial = soa, serial
        elif (soa, serial) == (self.soa, self.serial):
            self.report.note(*where, "double")
        else:
            raise Invalid("file_soa_twice")


def _value(type_: str, record: Record) -> str:
    text = " ".join(record.data)
    if not text.isascii() and type_ not in _WITH_TEXT:
        raise Invalid("file_name_letters", name=text[:80], suggestion="")
    return explained(type_, text, record.origin, in_file=True)


def _ttl_in_range(ttl: int | None) -> int:
    if ttl is None:
        raise Invalid("file_ttl_missing")
    if not TTL_LEAST <= ttl <= TTL_MOST:
        raise Invalid("file_ttl_range", ttl=ttl, least=TTL_LEAST, most=TTL_MOST)
    return ttl


def _read_soa(record: Record) -> tuple[Soa, int]:
    """The start of the zone and its serial; without a TTL so far it has that of negative answers, as with BIND."""
    origin = dns.name.from_text(record.origin)
    try:
        read = from_text(dns.rdataclass.IN, dns.rdatatype.SOA, " ".join(record.data), origin, relativize=False)
        if not isinstance(read, SOA):
            raise Invalid("value_bad", type="SOA")
        times = {name: int(getattr(read, name)) for name in ("refresh", "retry", "expire", "minimum")}
        ttl = times["minimum"] if record.ttl is None else record.ttl
        return Soa(mname=spelled(read.mname), rname=spelled(read.rname), ttl=ttl, **times), int(read.serial)
    except (dns.exception.DNSException, InvalidResource):
        raise Invalid("value_bad", type="SOA") from None
