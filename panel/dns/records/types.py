"""Which types of records a zone may have, and by what name."""

from __future__ import annotations

import re

import dns.rdatatype

from panel.kernel.errors import Invalid
from provisioning.record_sets import TYPES, check_type
from provisioning.resources import InvalidResource

GENERATED = frozenset("CDNSKEY CDS CSYNC DNSKEY KEY NSEC NSEC3 NSEC3PARAM NXT RRSIG SIG TYPE65534 ZONEMD".split())
"""What name servers make of themselves: no zone is given these (RFC 4034, 5155, 7344, 7477, 8976; 65534: BIND's notes
on its signing)."""

NUMBERS = {name: int(dns.rdatatype.from_text(name)) for name in TYPES}

_WORD = re.compile(r"[A-Z][A-Z0-9-]{0,19}")


def type_called(text: str, *, field: str = "type") -> str:
    """The type that ``text`` names in any case, as record sets call it: one of TYPES, else ``TYPE<n>``.

    Raises Invalid ``type_soa``, ``type_generated``, ``type_meta``, ``type_unknown``, each with ``type``.
    """
    number = number_called(text, field=field)
    name = str(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number)))
    if name == "SOA":
        raise Invalid("type_soa", field=field, type=name)
    if name in GENERATED:
        raise Invalid("type_generated", field=field, type=name)
    known = name if name in TYPES else f"TYPE{number}"
    try:
        check_type(known)
    except InvalidResource:
        raise Invalid("type_meta", field=field, type=name) from None
    return known


def number_called(text: str, *, field: str = "type") -> int:
    """The number of the type that ``text`` names, be it ours or not. Raises Invalid ``type_unknown``."""
    word = text.upper()
    try:
        if _WORD.fullmatch(word):
            return int(dns.rdatatype.from_text(word))
    except (dns.rdatatype.UnknownRdatatype, ValueError):
        pass
    raise Invalid("type_unknown", field=field, type=text[:20])


def number_of(name: str) -> int:
    """The number of a type that ``type_called`` returned."""
    return NUMBERS[name] if name in NUMBERS else int(name.removeprefix("TYPE"))
