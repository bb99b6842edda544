from __future__ import annotations

from dataclasses import replace
from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
import dns.zonefile
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioning.record_sets import (
    TYPES,
    VALUE_MAX,
    RecordSet,
    Soa,
    check_type,
    content_digest,
    in_order,
    octets_of,
    read_set,
    read_soa,
)
from provisioning.resources import Gone, InvalidResource, MailDomain, Zone, from_wire, protocol_of, to_wire

ID = "018f4a5e-0000-7000-8000-000000000001"
ORIGIN = dns.name.from_text("koscian.test.")
SOA = Soa(
    mname="ns1.cis.test.",
    rname="hostmaster.cis.test.",
    refresh=7200,
    retry=1800,
    expire=1_209_600,
    minimum=300,
    ttl=3600,
)
WWW = RecordSet("www", "A", 300, ("192.0.2.1", "192.0.2.2"))
ZONE = Zone(
    id=ID,
    generation=1,
    name="koscian.test",
    soa=SOA,
    records=(
        RecordSet("@", "NS", 3600, ("ns1.cis.test.",)),
        RecordSet("*.www", "TXT", 60, ('"a; (b) @ $ \\" \\\\"',)),
        WWW,
    ),
    dnssec=True,
)

# Pieces that mean something in a zone file, so that what they make up is worth trying.
pieces = st.sampled_from(
    [
        *'"\\();@$. \t\r\n*#=,-_/',
        "\\034",
        "\\010",
        "\\#",
        "\\# 1 00",
        "a",
        "b.c.",
        "$INCLUDE /etc/passwd",
        "IN",
        "1h",
        "A",
        "é",
    ]
)
texts = st.lists(pieces, max_size=8).map("".join) | st.text(st.characters(max_codepoint=0x17F), max_size=12)


@given(
    name=texts | st.sampled_from(["@", "www", "*", "*.a"]),
    type_=st.sampled_from([*sorted(TYPES), "TYPE65280", "TYPE1", "ANY", "SOA", "RRSIG"]),
    value=texts,
)
@settings(max_examples=60)  # each reads a zone file; the shapes of tokens are few
@example(name="@", type_="TXT", value='"\\"" "b"')
@example(name="www", type_="TYPE65280", value="\\# 4 c0000201")
@example(name="www", type_="HTTPS", value='1 . alpn="h2,h3" port="443"')
def test_no_value_taken_stands_for_more_than_one_record(name: str, type_: str, value: str) -> None:
    try:
        one = RecordSet(name, type_, 300, (value,))
    except InvalidResource:
        return
    try:
        read = _read(f"{one.name} {one.ttl} IN {one.type} {one.values[0]}\nlast 1 IN A 192.0.2.9\n")
    except dns.exception.DNSException:
        return  # The server says so, and that zone alone is refused.
    wanted = ORIGIN if name == "@" else dns.name.from_text(name, ORIGIN)
    assert read == [(wanted, dns.rdatatype.from_text(type_)), (dns.name.from_text("last", ORIGIN), dns.rdatatype.A)]


def _read(text: str) -> list[tuple[dns.name.Name, dns.rdatatype.RdataType]]:
    sets = dns.zonefile.read_rrsets(
        text, name=None, rdclass=None, default_rdclass="IN", origin=ORIGIN, relativize=False
    )
    return [(one.name, one.rdtype) for one in sets for _ in one]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("CAA", '0 issue "letsencrypt.org; policy=x"'),
        ("NAPTR", '100 10 "S" "SIP+D2U" "" _sip._udp.koscian.test.'),
        ("SVCB", '1 . alpn="h2,h3" ipv4hint="192.0.2.1"'),
        ("HTTPS", "1 . alpn=h2,h3 port=443"),
        ("LOC", "52 5 12.000 N 16 38 1.000 E 80.00m 1.00m 10000.00m 10.00m"),
        ("URI", '10 1 "https://koscian.test/"'),
        ("TXT", '""'),
        ("TXT", '"\\196\\153"'),
        ("SRV", "0 5 5060 a\\.b.koscian.test."),
        ("TYPE65280", "\\# 0"),
        ("TYPE65280", "\\# 2 0aff"),
    ],
)
def test_values_as_they_are(type_: str, value: str) -> None:
    assert RecordSet("@", type_, 0, (value,)).values == (value,)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": name})
        for name in [
            "",
            ".",
            "a.",
            "a..b",
            "WWW",
            "a b",
            "a*",
            "*.*",
            "a@b",
            "\\097",
            "\\065",
            "\\256",
            "\\.",
            "a" * 64,
            "ł",
        ]
    ]
    + [("name", {"name": ".".join(["a" * 60] * 5)})]
    + [
        ("type", {"type": type_})
        for type_ in ["", "a", "ANY", "SOA", "RRSIG", "NSEC", "DNSKEY", "CDS", "OPT", "TSIG", "AXFR", "HINFO", "TYPE1"]
    ]
    + [("type", {"type": type_}) for type_ in ["TYPE0", "TYPE6", "TYPE46", "TYPE250", "TYPE255", "TYPE70000", "TYPE01"]]
    + [("ttl", {"ttl": ttl}) for ttl in [-1, 604_801, True, 1.0, "1"]]
    + [
        ("values", {"values": values})
        for values in [
            (),
            ["192.0.2.1"],
            ("b", "a"),
            ("a", "a"),
            ("",),
            (" a",),
            ("a ",),
            ("a  b",),
            ("(a",),
            ("a;b",),
            ("@",),
            ("$ORIGIN",),
            ('"a',),
            ('a"b"',),
            ('"a"b',),
            ("a\\",),
            ("\\256",),
            ("\\# 1 00",),
            ("a\nb",),
            ("ą",),
            (7,),
            ("a" * (VALUE_MAX + 1),),
        ]
    ]
    + [
        ("values", {"type": "TYPE65280", "values": (value,)})
        for value in ["192.0.2.1", "\\# 1", "\\# 2 00", "\\# 1 0g", "\\# 0 ", "\\# 1 0A"]
    ],
)
def test_what_is_no_record_set(field: str, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource) as error:
        replace(WWW, **change)
    assert error.value.field == field


def test_names_hold_any_octet_in_one_spelling_and_an_apex_comes_first() -> None:
    odd = RecordSet("\\000\\046.0/25", "A", 1, ("192.0.2.1",))
    assert octets_of(odd.name) == 8
    assert [one.name for one in in_order([WWW, odd, replace(WWW, name="@")])] == ["@", "\\000\\046.0/25", "www"]
    check_type("TYPE65534")


@pytest.mark.parametrize(
    "change",
    [{"mname": "ns1"}, {"rname": "."}, {"rname": "jan@cis.test."}, {"refresh": -1}, {"expire": 2**31}, {"ttl": "1"}],
)
def test_what_is_no_start_of_a_zone(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource):
        replace(SOA, **change)


@pytest.mark.parametrize(
    "name",
    [
        "koscian.test",
        "_acme-challenge.koscian.test",
        "0/25.2.0.192.in-addr.arpa",
        "8.b.d.0.1.0.0.2.ip6.arpa",
        "xn--kocian-9db.test",
    ],
)
def test_names_of_zones(name: str) -> None:
    assert replace(ZONE, name=name).name == name


@pytest.mark.parametrize(
    "change",
    [
        {"name": name}
        for name in ["", "test", "a.test.", "A.test", "a/b.test", "a..test", "-a.test", "a.1", "../a.test", "*.test"]
    ]
    + [{"records": (WWW, WWW)}, {"records": (WWW, replace(WWW, name="@"))}, {"records": [WWW]}, {"records": ("x",)}]
    + [{"dnssec": 1}, {"dnssec": False, "leaving": True}, {"updates": "a b"}, {"serial_floor": 2**32}, {"soa": None}]
    + [{"records": (replace(WWW, name=".".join(["a" * 60] * 4)),)}],
)
def test_what_is_no_zone(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource):
        replace(ZONE, **change)


def test_a_zone_comes_back_from_the_wire_and_its_digest_tells_all_but_the_floor() -> None:
    assert from_wire(to_wire(ZONE)) == ZONE
    assert from_wire(to_wire(Gone(kind="zone", id=ID, generation=2))) == Gone(kind="zone", id=ID, generation=2)
    assert read_set(WWW.plain()) == WWW
    assert read_soa(SOA.plain()) == SOA
    assert ZONE.content == content_digest(SOA, ZONE.records, dnssec=True, updates="")
    assert ZONE.digest() == Zone.digest_of(ID, {"name": ZONE.name, "content": ZONE.content})
    assert replace(ZONE, serial_floor=7, generation=9).digest() == ZONE.digest()
    others = [
        replace(ZONE, name="other.test"),
        replace(ZONE, soa=replace(SOA, minimum=301)),
        replace(ZONE, records=(WWW,)),
        replace(ZONE, dnssec=False),
        replace(ZONE, leaving=True),
        replace(ZONE, updates="acme"),
    ]
    assert len({ZONE.digest(), *(one.digest() for one in others)}) == len(others) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"records": [["www", "A", 300]]},
        {"records": "x"},
        {"records": [["www", "A", 300, "x"]]},
        {"soa": {}},
        {"soa": []},
    ],
)
def test_what_is_no_zone_on_the_wire(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource):
        from_wire(to_wire(ZONE) | change)


def test_agents_of_before_know_no_zones() -> None:
    assert protocol_of(ZONE) == protocol_of(Gone(kind="zone", id=ID, generation=1)) == 5
    assert protocol_of(MailDomain(id=ID, generation=1, name="koscian.test")) == 1
