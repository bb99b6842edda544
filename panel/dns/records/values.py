r"""One record's data as text: read by dnspython in the words of zone files, written in its one canonical form.

Canonical: names absolute in their one spelling (RFC 4034 6.2 lets their case go), strings quoted, TXT in strings of at
most 255 octets, hexadecimal and Base64 in one piece, and ``\# <length> <hex>`` (RFC 3597 5) for types without a name
here. Equal data has equal text, whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import dns.exception
import dns.ipv4
import dns.ipv6
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdata import RdataStyle
from dns.rdtypes.ANY.TXT import TXT

from panel.dns.records import names, strings
from panel.dns.records.bindings import parameters_text
from panel.dns.records.types import number_of
from panel.kernel.errors import Invalid
from provisioning.checks import InvalidResource
from provisioning.record_sets import APEX, TYPES, VALUE_MAX, RecordSet

_STYLE = RdataStyle(hex_chunk_size=0, base64_chunk_size=0)
_IDNA = dns.name.IDNA2008Codec(uts_46=True, allow_pure_ascii=True)
_IN = dns.rdataclass.IN
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")  # lone surrogates are no letters
_TYPED_MAX = 4 * VALUE_MAX + 100
_NUMBER = re.compile(r"[0-9]{1,5}")
_LAST_IS_NAME = frozenset("CNAME DNAME MX NAPTR NS PTR SRV".split())
_SECOND_IS_NAME = frozenset("HTTPS SVCB".split())


def canonical_value(type_: str, text: str, origin: str, *, in_file: bool = False) -> str:
    """The canonical form of ``text``, one record's data of ``type_``; relative names in it end in ``origin``.

    ``in_file``: it stood in a zone file, whose rules are stricter (strings of at most 255 octets) and laxer (words
    without quotation marks are strings of their own).
    Raises Invalid for ``values``: what names and strings raise, ``value_control``, ``value_long``, ``value_bad``
    (``type``), ``txt_unquoted``, ``txt_string_long``.
    """
    if len(text) > _TYPED_MAX:
        raise Invalid("value_long", field="values", most=VALUE_MAX)
    if _CONTROL.search(text):
        raise Invalid("value_control", field="values")
    value = _QUICK[type_](text, origin, in_file) if type_ in _QUICK else None
    if value is not None:
        return _short_enough(value)
    value = _written(type_, _read(type_, text, origin))
    if type_ in TYPES:
        _short_enough(value)
    try:
        RecordSet(APEX, type_, 0, (value,))
    except InvalidResource:  # digests and keys of no octets, which leave a value with nothing at its end
        raise Invalid("value_bad", field="values", type=type_) from None
    return value


def _short_enough(value: str) -> str:
    if len(value) > VALUE_MAX:
        raise Invalid("value_long", field="values", most=VALUE_MAX)
    return value


def _read(type_: str, text: str, origin: str) -> dns.rdata.Rdata:
    """What dnspython makes of ``text``, by way of the wire, where numbers are rounded and parameters ordered."""
    for token in strings.tokens(text):
        strings.octets(token)
    rdtype = dns.rdatatype.RdataType.make(number_of(type_))
    try:
        rdata = dns.rdata.from_text(_IN, rdtype, text, dns.name.from_text(origin), relativize=False, idna_codec=_IDNA)
        wire = rdata.to_generic().data
        return dns.rdata.from_wire(_IN, rdtype, wire, 0, len(wire))
    except (dns.exception.DNSException, ValueError):
        raise Invalid("value_bad", field="values", type=type_) from None


def _written(type_: str, rdata: dns.rdata.Rdata) -> str:
    if type_ not in TYPES:
        wire = rdata.to_generic().data
        return rf"\# {len(wire)} {wire.hex()}".rstrip()
    if isinstance(rdata, TXT):
        return _txt([*rdata.strings])
    text = rdata.to_styled_text(_STYLE)
    if type_ in _LAST_IS_NAME:
        before, space, name = text.rpartition(" ")
        return f"{before}{space}{names.absolute(name, '.')}"
    if type_ in _SECOND_IS_NAME:
        number, name, *_ = text.split(" ", 2)
        return f"{number} {names.absolute(name, '.')}{parameters_text(type_, rdata.to_generic().data)}"
    return text


def _quick_address(read: Callable[[str], str]) -> Callable[[str, str, bool], str | None]:
    def quick(text: str, _origin: str, _in_file: bool) -> str | None:  # noqa: FBT001 # One of several in a table.
        try:
            return read(text.strip(" \t"))
        except dns.exception.SyntaxError:
            return None

    return quick


def _quick_name(text: str, origin: str, in_file: bool) -> str | None:  # noqa: ARG001, FBT001 # One of several in a table.
    found = strings.tokens(text)
    return names.absolute(found[0], origin, field="values") if len(found) == 1 and found[0][0] != '"' else None


def _quick_mx(text: str, origin: str, in_file: bool) -> str | None:  # noqa: ARG001, FBT001 # One of several in a table.
    found = strings.tokens(text)
    if len(found) != 2 or not _NUMBER.fullmatch(found[0]) or int(found[0]) > 65_535 or found[1][0] == '"':
        return None
    return f"{int(found[0])} {names.absolute(found[1], origin, field='values')}"


def _quick_txt(text: str, origin: str, in_file: bool) -> str | None:  # noqa: ARG001, FBT001 # One of several in a table.
    found = strings.tokens(text)
    if not found or found[0] == r"\#":
        return None
    if not in_file and len(found) > 1 and not all(token[0] == '"' for token in found):
        raise Invalid("txt_unquoted", field="values")
    contents = [strings.octets(token) for token in found]
    if in_file and any(len(content) > strings.STRING_MAX for content in contents):
        raise Invalid("txt_string_long", field="values")
    return _txt(contents)


def _txt(contents: list[bytes]) -> str:
    return " ".join(strings.quoted(chunk) for content in contents for chunk in strings.chunks(content))


# The types of which zones have thousands: what dnspython would say, without its tokenizer. None: it shall say itself.
_QUICK: dict[str, Callable[[str, str, bool], str | None]] = {
    "A": _quick_address(dns.ipv4.canonicalize),
    "AAAA": _quick_address(dns.ipv6.canonicalize),
    **dict.fromkeys(("CNAME", "DNAME", "NS", "PTR"), _quick_name),
    "MX": _quick_mx,
    "TXT": _quick_txt,
}
