"""Values in any words become their one canonical text, or are refused with the part that is wrong."""

from __future__ import annotations

from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given, settings

from panel.dns.records import canonical_set, canonical_soa
from panel.dns.records.fields import from_fields, to_fields
from panel.dns.records.strings import strings_of
from panel.dns.records.types import number_of
from panel.dns.records.values import canonical_value
from panel.kernel.errors import Invalid
from provisioning.record_sets import TYPES, RecordSet, Soa
from tests.dns.records.samples import SAMPLES, VALUES

ZONE, ORIGIN = "gmina.example", "gmina.example."


@pytest.mark.parametrize(("type_", "text", "value"), SAMPLES)
def test_each_way_of_writing_becomes_the_canonical_one(type_: str, text: str, value: str) -> None:
    assert canonical_value(type_, text, ORIGIN) == value
    assert canonical_value(type_, value, ORIGIN) == value
    assert RecordSet("a", type_, 60, (value,)).values == (value,)


def test_every_type_has_a_sample() -> None:
    assert {type_ for type_, _, _ in SAMPLES} > TYPES


@given(VALUES)
@settings(max_examples=250, deadline=None)
def test_canonical_text_says_what_dnspython_reads_and_fields_say_the_same(drawn: tuple[str, str]) -> None:
    type_, text = drawn
    value = canonical_value(type_, text, ORIGIN)
    assert _wire(type_, value) == _wire(type_, text)
    assert canonical_value(type_, value, ".") == value
    assert from_fields(type_, to_fields(type_, value), ZONE) == value
    assert RecordSet("a", type_, 60, (value,)).values == (value,)


@pytest.mark.parametrize(
    ("type_", "text", "code", "part"),
    [
        ("A", "192.0.2.256", "value_a", "address"),
        ("A", "192.0.2.1 192.0.2.2", "value_bad", None),
        ("A", "192.0.2.1\n@ A 192.0.2.2", "value_control", None),
        ("AAAA", "192.0.2.1", "value_aaaa", "address"),
        ("MX", "mail 10", "number_range", "preference"),
        ("MX", "10", "value_parts", None),
        ("MX", "10 a..b", "name_empty_label", None),
        ("CNAME", f"{'a' * 64}.example.", "name_label_long", None),
        ("CNAME", ".".join(["a" * 60] * 5), "name_long", None),
        ("CNAME", r"a\999", "name_escape", None),
        ("CNAME", "ża-.example.", "name_idn", None),
        ("CNAME", "a ; comment", "value_special", None),
        ("TXT", "v=spf1 mx -all", "txt_unquoted", None),
        ("TXT", '"v=spf1', "value_quotes", None),
        ("TXT", '"a"b', "value_quotes", None),
        ("TXT", r'"\300"', "value_escape", None),
        ("TXT", "a\\", "value_escape", None),
        ("CAA", "256 issue x", "number_range", "flags"),
        ("DS", "1 13 2 abcd", "value_digest", "digest"),
        ("SSHFP", f"4 2 {'g' * 64}", "value_hex", "fingerprint"),
        ("OPENPGPKEY", "a?", "value_base64", "key"),
        ("HTTPS", "1 . port=70000", "value_bad", None),
        ("HTTPS", "1 . key7=q{?dns}", "value_bad", None),
        ("OPENPGPKEY", r"\# 0", "value_bad", None),
        ("TLSA", r"\# 3 030100", "value_bad", None),
        ("CNAME", "\ud800", "value_control", None),
        ("TXT", '"\ud800"', "value_control", None),
        ("TYPE65280", r"\# 3 abcd", "value_bad", None),
    ],
)
def test_what_is_wrong_is_refused_with_its_part(type_: str, text: str, code: str, part: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        canonical_set("a", type_, 60, ["\\# 4 01020304" if type_ == "A" else text, text], ZONE)
    last = refused.value.errors[-1]
    assert last.code == code
    assert last.field == ".".join(["values", "1", *filter(None, [part])])


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        *((word, "type_generated") for word in "RRSIG TYPE46 NSEC NSEC3 TYPE51 DNSKEY CDS cdnskey TYPE63".split()),
        ("TYPE65534", "type_generated"),
        *((word, "type_meta") for word in "ANY TYPE255 OPT TYPE41 TSIG AXFR TYPE0 TYPE200 TYPE65535 NULL".split()),
        *((word, "type_unknown") for word in "FOO TYPE65536 TYPE-1 TYPE TYPE1A".split()),
        ("SOA", "type_soa"),
        ("TYPE6", "type_soa"),
    ],
)  # fmt: skip
def test_what_servers_make_is_not_asked_for_by_name_nor_number(type_: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        canonical_set("a", type_, 60, ["x"], ZONE)
    assert (refused.value.code, refused.value.field) == (code, "type")


def test_a_set_is_canonical_whatever_it_was_written_in() -> None:
    one = canonical_set("  WWW.Żółw ", "a", 3600, ["192.0.2.2", " 192.0.2.1", r"\# 4 c0000202"], ZONE)
    assert one == RecordSet("www.xn--w-uga1v8h", "A", 3600, ("192.0.2.1", "192.0.2.2"))
    assert canonical_set("gmina.example.", "TYPE1", 60, ["192.0.2.1"], ZONE).name == "@"
    assert canonical_set("", "HINFO", 60, ['"a" "b"'], ZONE) == RecordSet("@", "TYPE13", 60, (r"\# 4 01610162",))


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"name": "www.example.org."}, "name", "name_outside"),
        ({"name": "a..b"}, "name", "name_empty_label"),
        ({"ttl": 59}, "ttl", "number_range"),
        ({"ttl": 604_801}, "ttl", "number_range"),
        ({"ttl": "3600"}, "ttl", "number_bad"),
        ({"ttl": True}, "ttl", "number_bad"),
        ({"values": []}, "values", "required"),
        ({"values": ["192.0.2.1"] * 10_001}, "values", "values_many"),
    ],
)
def test_bounds_name_their_field(wrong: dict[str, Any], field: str, code: str) -> None:
    asked: dict[str, Any] = {"name": "a", "type_": "A", "ttl": 60, "values": ["192.0.2.1"], "zone": ZONE, **wrong}
    with pytest.raises(Invalid) as refused:
        canonical_set(**asked)
    assert (refused.value.field, refused.value.code) == (field, code)


def test_of_the_start_people_change_the_timers_only() -> None:
    soa = Soa(mname="a.", rname="b.", refresh=14_400, retry=3600, expire=1_209_600, minimum=3600, ttl=3600)
    assert canonical_soa(soa, refresh=7200).refresh == 7200
    for field, value, code in (
        ("retry", 5, "number_range"),
        ("mname", "c.", "unknown_field"),
        ("ttl", 1.5, "number_bad"),
    ):
        with pytest.raises(Invalid) as refused:
            canonical_soa(soa, **{field: value})
        assert (refused.value.field, refused.value.code) == (field, code)


def test_long_texts_are_cut_and_shown_whole() -> None:
    text = "v=DKIM1; p=" + "ąę" * 200
    value = from_fields("TXT", {"text": text}, ZONE)
    assert [len(part) for part in strings_of(value)] == [255, 255, 255, 46]
    assert to_fields("TXT", value) == {"text": text}
    assert from_fields("TXT", {"text": "one\ntwo \\\\ \\255"}, ZONE) == r'"one" "two \\ \255"'
    assert to_fields("TXT", r'"one" "two \\ \255"') == {"text": "one\ntwo \\092 \\255"}


def test_what_is_longer_than_a_value_may_be_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        canonical_value("TXT", f'"{"ż" * 20_000}"', ORIGIN)
    assert refused.value.code == "value_long"


def test_fields_of_a_form_name_what_is_wrong() -> None:
    with pytest.raises(Invalid) as refused:
        from_fields("MX", {"preference": "ten", "hots": "mail"}, ZONE)
    faults = [(fault.field, fault.code) for fault in refused.value.errors]
    assert faults == [("hots", "unknown_field"), ("preference", "number_range"), ("host", "required")]


def test_hosts_in_forms_are_whole_where_they_have_dots() -> None:
    hosts = ["mail", "mail.example.org", "@", ".", "pl.", "mail.gmina.example"]
    said = [from_fields("MX", {"preference": "10", "host": host}, ZONE).split()[1] for host in hosts]
    assert said == ["mail.gmina.example.", "mail.example.org.", ORIGIN, ".", "pl.", "mail.gmina.example."]


def _wire(type_: str, text: str) -> bytes:
    rdtype = dns.rdatatype.RdataType.make(number_of(type_))
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.from_text(ORIGIN), relativize=False)
    octets = rdata.to_digestable()
    return octets.lower() if type_ == "HTTPS" else octets  # RFC 9460 came after the list of names without case
