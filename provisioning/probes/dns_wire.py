"""Questions to a name server and its answers, in the few octets that matter (RFC 1035 4, 6891).

dnspython reads what was wanted, once; answers come by the thousand and are read here, some ten times as fast.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from provisioning.record_sets import APEX, RecordSet

UDP_BYTES_MAX = 1_232
NOERROR, NXDOMAIN = 0, 3
SOA, NS, RRSIG = 6, 2, 46
_IN, _OPT = 1, 41
_AUTHORITATIVE, _TRUNCATED, _RESPONSE = 0x0400, 0x0200, 0x8000
_DNSSEC_OK = 0x8000
# Names inside these may be compressed (RFC 3597 4); so many octets stand before the name. RFC 2782 forbids it for
# SRV, old servers do it all the same.
_NAME_AT = {2: 0, 5: 0, 12: 0, 39: 0, 15: 2, 33: 6}
_HEAD = struct.Struct(">HHHHHH")
_RECORD = struct.Struct(">HHIH")
_SERIAL_END = 20
_POINTERS_MAX = 64


class BadAnswer(Exception):
    """What came is no answer to what was asked."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a server is asked. ``name`` is in wire form, lower case; ``signed`` also asks for signatures."""

    name: bytes
    type: int
    signed: bool = False

    def packet(self, number: int) -> bytes:
        """The question as it is sent; ``number`` is what the answer will repeat."""
        flags = _DNSSEC_OK if self.signed else 0
        options = b"\0" + _RECORD.pack(_OPT, UDP_BYTES_MAX, flags, 0)
        return _HEAD.pack(number, 0, 1, 0, 0, 1) + self.name + struct.pack(">HH", self.type, _IN) + options


@dataclass(slots=True)
class Answer:
    """What a server said of the name and type it was asked for. ``values`` are wire forms, names in lower case.

    ``by``: in which section the values stood; a referral (not ``authoritative``) names a zone cut below the zone.
    ``serial`` is that of the SOA if it was asked for.
    """

    code: int
    authoritative: bool
    values: set[bytes] = field(default_factory=set)
    ttls: set[int] = field(default_factory=set)
    signed: bool = False
    serial: int | None = None
    cut: bytes = b""
    cut_values: set[bytes] = field(default_factory=set)
    cut_ttls: set[int] = field(default_factory=set)
    glue: set[bytes] = field(default_factory=set)


def is_truncated(packet: bytes) -> bool:
    """Whether the rest of the answer is had over TCP only."""
    return bool(_HEAD.unpack_from(packet)[1] & _TRUNCATED)


def answers(packet: bytes, question: Question, number: int) -> bool:
    """Whether this packet answers this question: number, name and type are repeated, letters in any case."""
    asked = question.name + struct.pack(">HH", question.type, _IN)
    if len(packet) < _HEAD.size or packet[12 : 12 + len(asked)].lower() != asked.lower():
        return False
    found, flags, questions, *_ = _HEAD.unpack_from(packet)
    return found == number and bool(flags & _RESPONSE) and questions == 1


def read_answer(packet: bytes, question: Question) -> Answer:
    """Read a packet that `answers` the question. Raises BadAnswer."""
    try:
        return _read(packet, question)
    except (struct.error, IndexError) as error:
        raise BadAnswer("cut short") from error


def _read(packet: bytes, question: Question) -> Answer:
    _, flags, _, *counts = _HEAD.unpack_from(packet)
    answer = Answer(flags & 0x000F, bool(flags & _AUTHORITATIVE))
    at = _HEAD.size + len(question.name) + 4
    for section, count in enumerate(counts):
        for _ in range(count):
            owner, at = _name(packet, at)
            type_, class_, ttl, length = _RECORD.unpack_from(packet, at)
            at += _RECORD.size
            if at + length > len(packet):
                raise BadAnswer("cut short")
            if class_ == _IN:
                _take(answer, section, question, owner, (type_, ttl, packet, at, length))
            at += length
    return answer


def _take(
    answer: Answer, section: int, question: Question, owner: bytes, record: tuple[int, int, bytes, int, int]
) -> None:
    type_, ttl, packet, at, length = record
    if section == 0 and owner == question.name:
        if type_ == question.type:
            answer.values.add(_value(type_, packet, at, length))
            answer.ttls.add(ttl)
            if type_ == SOA:
                answer.serial = _serial(packet, at, length)
        elif type_ == RRSIG and int.from_bytes(packet[at : at + 2], "big") == question.type:
            answer.signed = True
    elif section == 1 and type_ == NS:
        answer.cut = owner
        answer.cut_values.add(_value(type_, packet, at, length))
        answer.cut_ttls.add(ttl)
    elif section == 2 and type_ == question.type and owner == question.name:
        answer.glue.add(_value(type_, packet, at, length))


def _value(type_: int, packet: bytes, at: int, length: int) -> bytes:
    if type_ == SOA:
        mname, after = _name(packet, at)
        rname, after = _name(packet, after)
        return mname + rname + packet[after + 4 : after + _SERIAL_END]
    before = _NAME_AT.get(type_)
    if before is None:
        return packet[at : at + length]
    return packet[at : at + before] + _name(packet, at + before)[0]


def _serial(packet: bytes, at: int, length: int) -> int:
    end = at + length
    return int.from_bytes(packet[end - _SERIAL_END : end - _SERIAL_END + 4], "big")


def _name(packet: bytes, at: int) -> tuple[bytes, int]:
    """The name that stands at this place, uncompressed and in lower case, and what follows it."""
    labels, end = [], 0
    for _ in range(_POINTERS_MAX + 128):
        length = packet[at]
        if length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | packet[at + 1]
        elif length == 0:
            labels.append(b"\0")
            return b"".join(labels).lower(), end or at + 1
        else:
            labels.append(packet[at : at + 1 + length])
            at += 1 + length
    raise BadAnswer("a name without end")


def name_of(zone: str, name: str = APEX) -> bytes:
    """A name of the zone in wire form. Raises ValueError."""
    text = f"{zone}." if name == APEX else f"{name}.{zone}."
    try:
        return dns.name.from_text(text).canonicalize().to_wire() or b""
    except dns.exception.DNSException as error:
        raise ValueError(f"{text}: {error}") from error


def type_of(text: str) -> int:
    """The number of a type."""
    return int(dns.rdatatype.from_text(text))


def values_of(wanted: RecordSet) -> set[bytes]:
    """The values of a set as servers send them. Raises ValueError."""
    return {wire_of(wanted.type, value) for value in wanted.values}


def wire_of(type_: str, value: str) -> bytes:
    """One value in wire form, names in lower case as those that servers send are read. Raises ValueError."""
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, type_, value)
        return bytes(rdata.to_digestable())
    except dns.exception.DNSException as error:
        raise ValueError(f"{type_} {value[:100]}: {error}") from error
