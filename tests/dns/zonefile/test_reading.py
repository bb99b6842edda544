"""Zone files as they are in the wild: exactly what the old server had, or refused with file, line and reason."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from panel.dns.zonefile import ReadZone, read_zone, reading, report
from provisioning.record_sets import RecordSet

ORIGIN = "gmina.example"
START = "$TTL 3600\n@ SOA ns1 host 7 14400 3600 1209600 300\n"


def read(text: str | bytes, others: Mapping[str, bytes] | None = None) -> ReadZone:
    main = text if isinstance(text, bytes) else text.encode()
    return read_zone({"db.gmina": main, **(others or {})}, main="db.gmina", origin=ORIGIN)


def rows(zone: ReadZone) -> list[str]:
    return [f"{one.name} {one.ttl} {one.type} {' | '.join(one.values)}" for one in zone.sets]


def refused(zone: ReadZone) -> list[tuple[str, int, str]]:
    return [(one.file, one.line, one.code) for one in zone.refusals]


def test_an_old_file_of_bind_is_read_as_bind_reads_it() -> None:
    zone = read(
        "; strefa g\xb3\xf3wna, cp1250: \x9cmigiel\r\n".encode("latin-1")
        + b"$TTL 1h30m\t; p\xf3\xb3torej godziny\r\n"
        b"@\tIN\tSOA\tns1.gmina.example. hostmaster (\r\n"
        b'\t\t2024010101 ; numer (serial) "\r\n'
        b"\t\t4H 1h 2w 5m )\r\n"
        b"\tIN NS\tns1\r\n"
        b"\t600 IN NS\tNS2.Example.NET.\r\n"
        b"ns1\tIN 300 A 192.0.2.1\r\n"
        b"www 300 CNAME @\r\n"
        b'txt TXT ( "a;b" ; comment\r\n'
        b'  word "c\\"d" )\r\n'
        b"$ORIGIN sub.gmina.example.\r\n"
        b"a in a 192.0.2.7\r\n"
        b"  MX 10 mail\r\n"
        b"$ORIGIN deep\r\n"
        b"b CLASS1 TYPE1 \\# 4 c0000208\r\n"
        b"b TYPE65280 \\# 2 ABCD\r\n"
        b"b HINFO PC Linux\r\n"
    )  # fmt: skip
    assert zone.refusals == ()
    assert zone.soa is not None
    assert (zone.serial, zone.soa.refresh, zone.soa.expire, zone.soa.minimum) == (2024010101, 14_400, 1_209_600, 300)
    assert (zone.soa.mname, zone.soa.rname, zone.soa.ttl) == ("ns1.gmina.example.", "hostmaster.gmina.example.", 5400)
    assert rows(zone) == [
        "@ 5400 NS ns1.gmina.example. | ns2.example.net.",
        "a.sub 5400 A 192.0.2.7",
        "a.sub 5400 MX 10 mail.sub.gmina.example.",
        "b.deep.sub 5400 A 192.0.2.8",
        r"b.deep.sub 5400 TYPE13 \# 9 025043054c696e7578",
        r"b.deep.sub 5400 TYPE65280 \# 2 abcd",
        "ns1 300 A 192.0.2.1",
        'txt 5400 TXT "a;b" "word" "c\\"d"',
        "www 300 CNAME gmina.example.",
    ]
    assert [(note.code, note.line) for note in zone.notes] == [("ttl_differs", 7)]


def test_ttls_come_from_where_bind_takes_them() -> None:
    no_default = "@ SOA ns1 host 7 14400 3600 1209600 900\na A 192.0.2.1\nb 60 A 192.0.2.1\nc A 192.0.2.1\n"
    zone = read(no_default)
    assert rows(zone) == ["a 900 A 192.0.2.1", "b 60 A 192.0.2.1", "c 900 A 192.0.2.1"]
    assert [note.code for note in zone.notes] == ["ttl_of_soa"]
    assert rows(read("a 120 A 192.0.2.1\nb A 192.0.2.1\n$TTL 2m5s\nc A 192.0.2.1\n")) == [
        "a 120 A 192.0.2.1",
        "b 120 A 192.0.2.1",
        "c 125 A 192.0.2.1",
    ]
    assert refused(read("a A 192.0.2.1\n")) == [("db.gmina", 1, "file_ttl_missing")]


def test_a_bad_default_is_refused_once_and_no_record_for_it() -> None:
    zone = read("$TTL 30\na A 192.0.2.1\nb A 192.0.2.1\nc 8d A 192.0.2.1\n$TTL 1x\n")
    assert rows(zone) == ["a 60 A 192.0.2.1", "b 60 A 192.0.2.1"]
    assert refused(zone) == [
        ("db.gmina", 1, "file_ttl_range"),
        ("db.gmina", 4, "file_ttl_range"),
        ("db.gmina", 5, "file_ttl"),
    ]


def test_includes_are_found_among_the_sent_files_alone() -> None:
    zone = read(
        f'{START}a A 192.0.2.1\n$INCLUDE hosts sub\n AAAA 2001:db8::1\n$INCLUDE "two words"\n'
        "$INCLUDE /etc/passwd\n$INCLUDE ../db.gmina\n$INCLUDE nothing\nb A 192.0.2.1\n",
        {
            "hosts": b"h A 192.0.2.2\n$ORIGIN other.gmina.example.\no A 192.0.2.3\n",
            "two words": b"t A 192.0.2.4\nbad A 192.0.2.444\n$INCLUDE two\n",
            "two": b"$INCLUDE db.gmina\n",
        },
    )
    assert rows(zone) == [
        "a 3600 A 192.0.2.1",
        "a 3600 AAAA 2001:db8::1",
        "b 3600 A 192.0.2.1",
        "h.sub 3600 A 192.0.2.2",
        "o.other 3600 A 192.0.2.3",
        "t 3600 A 192.0.2.4",
    ]
    assert refused(zone) == [
        ("two words", 2, "value_a"),
        ("two", 1, "file_loop"),
        ("db.gmina", 7, "file_not_sent"),
        ("db.gmina", 8, "file_not_sent"),
        ("db.gmina", 9, "file_not_sent"),
    ]


def test_includes_end_somewhere() -> None:
    chain = {f"f{n}": f"$INCLUDE f{n + 1}\n".encode() for n in range(20)}
    assert refused(read("$INCLUDE f0\n", chain)) == [("f6", 1, "file_deep")]
    many = {"x": b";" * 1_000_000}
    assert refused(read("$INCLUDE x\n" * 50, many)) == [("x", 0, "file_large")]
    assert refused(read_zone({}, main="db", origin=ORIGIN)) == [("db", 0, "file_missing")]


def test_generate_makes_what_bind_makes_of_it() -> None:
    zone = read(
        f"{START}$GENERATE 1-3 host$ A 192.0.2.$\n$GENERATE 8-16/8 ${{-8,3}}.x 600 IN CNAME n${{0,2,X}}-$$.\n"
        '$GENERATE 16-16 ${0,5,n} PTR a\\$${0,0,x}\n$GENERATE 5-5 m MX $ mail$\n$GENERATE 5-5 n MX "$ mail$"\n'
    )
    assert zone.refusals == ()
    assert rows(zone) == [
        r"0.1.0 3600 PTR a\03610.gmina.example.",
        r"000.x 600 CNAME n08-\036.",
        r"008.x 600 CNAME n10-\036.",
        "host1 3600 A 192.0.2.1",
        "host2 3600 A 192.0.2.2",
        "host3 3600 A 192.0.2.3",
        "m 3600 MX 5 mail5.gmina.example.",
        "n 3600 MX 5 mail5.gmina.example.",
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$GENERATE 1-200000 h$ A 192.0.2.1", "generate_many"),
        ("$GENERATE 3-1 h$ A 192.0.2.1", "generate_range"),
        ("$GENERATE 1-3/0 h$ A 192.0.2.1", "generate_range"),
        ("$GENERATE 1-99999999999 h$ A 192.0.2.1", "generate_range"),
        ("$GENERATE 1-2 h${0,999999,d} A 192.0.2.1", "generate_template"),
        ("$GENERATE 1-2 h${x} A 192.0.2.1", "generate_template"),
        ("$GENERATE 1-2 h${-9,2,x} A 192.0.2.1", "generate_template"),
        ("$GENERATE 1-2 h$", "file_directive_parts"),
        ("$FOO x", "file_directive"),
        ("$TTL", "file_directive_parts"),
        ("x CH A 192.0.2.1", "file_class"),
        ("x CLASS3 A 192.0.2.1", "file_class"),
        ("x HS TXT y", "file_class"),
        ("x FOO y", "type_unknown"),
        ("x 3600", "file_type_missing"),
        ("x ANY y", "file_class"),
        ("x IN ANY y", "type_meta"),
        ("x A", "value_parts"),
        ("x A 192.0.2.1 192.0.2.2", "value_bad"),
        ("x.example.org. A 192.0.2.1", "name_outside"),
        ("x..y A 192.0.2.1", "name_empty_label"),
        ("x SOA a b 1 2 3 4 5", "file_soa_place"),
        ("@ SOA a b 8 2 3 4 5", "file_soa_twice"),
        ("@ SOA a b 8 2 3 4", "value_bad"),
        ('x TXT "open', "value_quotes"),
        ('x TXT "a"b', "value_quotes"),
        ("x TXT a\\", "value_escape"),
        (f'x TXT "{"y" * 256}"', "txt_string_long"),
        ("x TXT )", "file_parenthesis"),
        ("x TXT ( y", "file_parenthesis"),
        ("x TXT \x01", "value_control"),
        ("x TXT \x00", "value_control"),
        ("ż A 192.0.2.1", "file_name_letters"),
        ("x CNAME ż", "file_name_letters"),
        ('"x" A 192.0.2.1', "file_name_quoted"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_line(line: str, code: str) -> None:
    zone = read(f"{START}; a comment\n{line}\n")
    assert refused(zone) == [("db.gmina", 4, code)]
    assert zone.sets == ()


def test_letters_of_old_code_pages_pass_in_comments_and_nowhere_else() -> None:
    zone = read(START.encode() + b'a A 192.0.2.1 ; \xb9\xea\nb TXT "\xb9"\n\xb9 A 192.0.2.1\n A 192.0.2.9\n')
    assert rows(zone) == ["a 3600 A 192.0.2.1"]
    assert refused(zone) == [
        ("db.gmina", 4, "file_letters"),
        ("db.gmina", 5, "file_letters"),
        ("db.gmina", 6, "file_owner_missing"),
    ]
    assert rows(read(f'{START}a TXT "ż"')) == [r'a 3600 TXT "\197\188"']


@pytest.mark.parametrize("wrap", ["utf-8-sig", "utf-16", "\r\n", "\r", "\x1a"])
def test_bytes_may_come_as_editors_of_all_systems_write_them(wrap: str) -> None:
    text = f'{START}a TXT "ż"\nb A 192.0.2.1\n'
    content = text.replace("\n", wrap) if wrap[0] == "\r" else text + ("\x1a" if wrap == "\x1a" else "")
    zone = read(content.encode(wrap if wrap.startswith("utf") else "utf-8"))
    assert rows(zone) == [r'a 3600 TXT "\197\188"', "b 3600 A 192.0.2.1"]
    assert zone.refusals == ()


def test_a_refused_line_leaves_its_owner_to_those_below_it_and_no_other() -> None:
    zone = read(f"{START}a A 192.0.2.1\nb A 192.0.2.999\n AAAA 2001:db8::2\nc..c A 192.0.2.1\n AAAA 2001:db8::3\n")
    assert rows(zone) == ["a 3600 A 192.0.2.1", "b 3600 AAAA 2001:db8::2"]
    assert refused(zone) == [
        ("db.gmina", 4, "value_a"),
        ("db.gmina", 6, "name_empty_label"),
        ("db.gmina", 7, "file_owner_missing"),
    ]


def test_without_its_origin_the_rest_of_a_file_is_not_guessed() -> None:
    zone = read(f"{START}$INCLUDE x\nb A 192.0.2.1\n", {"x": b"$ORIGIN a..b\nc A 192.0.2.1\n"})
    assert rows(zone) == ["b 3600 A 192.0.2.1"]
    assert refused(zone) == [("x", 1, "file_origin")]


def test_what_the_old_server_signed_with_is_left_out_with_a_note_for_each_kind() -> None:
    signed = (
        "@ DNSKEY 257 3 13 AAAA\na A 192.0.2.1\na RRSIG A 13 3 300 20260101000000 20250101000000 1 a. AAAA\n"
        "a RRSIG x\na NSEC b A\n@ NSEC3PARAM 1 0 0 -\n@ CDS 0 0 0 00\n@ TYPE65534 \\# 1 00\nsub DS 1 13 9 abcd\n"
    )
    zone = read(START + signed)
    assert rows(zone) == ["a 3600 A 192.0.2.1", "sub 3600 DS 1 13 9 abcd"]
    assert {(note.code, note.params["about"], note.count) for note in zone.notes} == {
        ("generated_left_out", "DNSKEY", 1),
        ("generated_left_out", "RRSIG", 2),
        ("generated_left_out", "NSEC", 1),
        ("generated_left_out", "NSEC3PARAM", 1),
        ("generated_left_out", "CDS", 1),
        ("generated_left_out", "TYPE65534", 1),
    }


def test_doubles_are_joined_with_a_note() -> None:
    zone = read(
        f"{START}a A 192.0.2.1\nA A 192.0.2.1\nx MX 10 A\nx MX 10 a.gmina.example.\n@ SOA ns1 host 7 4h 1h 2w 5m\n"
    )
    assert zone.sets == (
        RecordSet("a", "A", 3600, ("192.0.2.1",)),
        RecordSet("x", "MX", 3600, ("10 a.gmina.example.",)),
    )
    assert [(note.code, note.line, note.count) for note in zone.notes] == [("double", 4, 3)]


def test_bounds_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RECORDS_MAX", 5)
    zone = read(START + "a TXT x\n" * 10)
    assert refused(zone) == [("db.gmina", 7, "file_records")]
    monkeypatch.setattr(report, "REFUSALS_MAX", 2)
    many = read("a A 1\n" * 5)
    assert (len(many.refusals), many.refused) == (2, 5)


def test_generated_data_that_is_not_there_is_refused() -> None:
    assert refused(read(f'{START}$GENERATE 1-2 a$ TXT\n$GENERATE 1-2 b$ A ""\n$GENERATE 1-2 c$ IN 60 x\n')) == [
        ("db.gmina", 3, "file_directive_parts"),
        ("db.gmina", 4, "file_directive_parts"),
        ("db.gmina", 5, "file_directive_parts"),
    ]


def test_what_strangers_send_takes_no_long_time() -> None:
    long = "ż" * 200_000
    many = ("$GENERATE 1-100 a TXT " + "$" * 50_000, f"{long} A 192.0.2.1", f"a CNAME {long}", "a TXT " + "(" * 99_999)
    zone = read(START + "\n".join(many))
    assert [one.code for one in zone.refusals] == [
        "generate_template",
        "file_name_letters",
        "file_name_letters",
        "file_parenthesis",
    ]
    assert all(len(str(one.params)) < 300 for one in zone.refusals)
