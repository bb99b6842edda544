"""Values of every type as people write them, beside their canonical text; and a strategy that makes such values."""

from __future__ import annotations

from hypothesis import strategies as st

DIGEST = "ab" * 32
_ORDERED = '1 . mandatory="alpn,ipv4hint" alpn="h2,http/1.1" no-default-alpn ipv4hint="192.0.2.1" key8'
SAMPLES = [
    ("A", " 192.0.2.1\t", "192.0.2.1"),
    ("A", r"\# 4 C0000201", "192.0.2.1"),
    ("AAAA", "2001:0DB8:0::1", "2001:db8::1"),
    ("AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ("CAA", "0 issue letsencrypt.org", '0 issue "letsencrypt.org"'),
    ("CAA", '0 iodef "mailto:a@b.example"', '0 iodef "mailto:a@b.example"'),
    ("CNAME", "WWW", "www.gmina.example."),
    ("CNAME", "@", "gmina.example."),
    ("CNAME", r"a\.b\@\064.Example.", r"a\046b\064\064.example."),
    ("CNAME", "żółw.pl.", "xn--w-uga1v8h.pl."),
    ("DNAME", "Example.ORG.", "example.org."),
    ("DS", f"12345 ECDSAP256SHA256 2 {DIGEST[:32].upper()} {DIGEST[32:]}", f"12345 13 2 {DIGEST}"),
    ("HTTPS", "1 . port=443 alpn=h2,h3", '1 . alpn="h2,h3" port="443"'),
    ("HTTPS", "0 Www.Example.", "0 www.example."),
    ("HTTPS", "1 . alpn=h dohpath=/q{?dns}", r'1 . key1="\001h" key7="/q{?dns}"'),
    ("SVCB", "1 . key8 mandatory=alpn,key4 alpn=h2,http/1.1 ipv4hint=192.0.2.1 no-default-alpn", _ORDERED),
    ("SVCB", "1 . ipv6hint=2001:DB8::1,::1 ech=AAT+DQAA", '1 . ech="AAT+DQAA" ipv6hint="2001:db8::1,::1"'),
    ("LOC", "52 22 23 N 4 53 32 E 2m", "52 22 23.000 N 4 53 32.000 E 2.00m"),
    ("MX", "010 Mail", "10 mail.gmina.example."),
    ("MX", "0 .", "0 ."),
    ("NAPTR", '100 10 u E2U+sip "!^.*$!sip:a@b!" .', '100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .'),
    ("NAPTR", '100 10 "S" "SIP+D2U" "" _sip._udp', '100 10 "S" "SIP+D2U" "" _sip._udp.gmina.example.'),
    ("NS", "ns1", "ns1.gmina.example."),
    ("OPENPGPKEY", "AQID BAUG", "AQIDBAUG"),
    ("PTR", "*.A.*.example.", r"*.a.\042.example."),
    ("SMIMEA", f"3 0 0 {'AB' * 200}", f"3 0 0 {'ab' * 200}"),
    ("SRV", "1 2 993 mail", "1 2 993 mail.gmina.example."),
    ("SRV", "1 2 993 żółw.pl.", "1 2 993 xn--w-uga1v8h.pl."),
    ("SSHFP", f"4 2 {DIGEST.upper()}", f"4 2 {DIGEST}"),
    ("SVCB", "1 foo key65400=x", '1 foo.gmina.example. key65400="x"'),
    ("TLSA", f"3 1 1 {DIGEST[:10]} {DIGEST[10:]}", f"3 1 1 {DIGEST}"),
    ("TXT", "word", '"word"'),
    ("TXT", '"a;b" "c \\"d\\""', '"a;b" "c \\"d\\""'),
    ("TXT", '"ż\t\\001"', r'"\197\188\009\001"'),
    ("TXT", f'"{"x" * 300}"', f'"{"x" * 255}" "{"x" * 45}"'),
    ("TXT", r"\# 3 026162", '"ab"'),
    ("URI", '10 1 "https://example.org/x@y;z"', '10 1 "https://example.org/x@y;z"'),
    ("TYPE13", '"a" "b"', r"\# 4 01610162"),
    ("TYPE65280", r"\# 3 ABCDEF", r"\# 3 abcdef"),
    ("TYPE65280", r"\# 0", r"\# 0"),
]

_number = st.integers(0, 65_535).map(str)
_octet = st.integers(0, 255).map(str)
_label = st.one_of(
    st.from_regex(r"[A-Za-z0-9_/-]{1,20}", fullmatch=True),
    st.lists(st.integers(0, 255), min_size=1, max_size=5).map(lambda some: "".join(f"\\{one:03d}" for one in some)),
    st.just("*"),
)
_name = st.lists(_label, min_size=1, max_size=4).map(".".join).flatmap(lambda name: st.sampled_from([name, f"{name}."]))
_host = st.one_of(_name, st.just("@"))
_ascii = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=40)
_octets = st.lists(st.integers(0, 255), max_size=30).map(lambda some: "".join(f"\\{one:03d}" for one in some))
_string = st.one_of(_ascii, _octets, st.just('ż\\"\\\\;')).map(lambda text: f'"{text}"')
_hex = st.binary(min_size=32, max_size=32).map(bytes.hex)


def _words(type_: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(*parts).map(lambda words: (type_, " ".join(words)))


_parameters = st.sampled_from(
    ["", "alpn=h2", 'port="8443" key65400="a b"', "no-default-alpn alpn=h3 ipv4hint=192.0.2.1"]
)
VALUES: st.SearchStrategy[tuple[str, str]] = st.one_of(
    _words("A", st.ip_addresses(v=4).map(str)),
    _words("AAAA", st.ip_addresses(v=6).map(str)),
    *(_words(type_, _host) for type_ in ("CNAME", "DNAME", "NS", "PTR")),
    _words("MX", _number, _host),
    _words("SRV", _number, _number, _number, _host),
    _words("NAPTR", _number, _number, _string, _string, _string, _host),
    st.lists(_string, min_size=1, max_size=4).map(lambda some: ("TXT", " ".join(some))),
    _words("CAA", _octet, st.sampled_from(["issue", "iodef"]), _string),
    _words("URI", _number, _number, _ascii.filter(bool).map(lambda text: f'"{text}"')),
    _words("DS", _number, st.just("13 2"), _hex),
    _words("TLSA", st.just("3 1 1"), _hex),
    _words("HTTPS", st.integers(1, 65_535).map(str), _host, _parameters),
    st.binary(max_size=50).map(lambda octets: ("TYPE65280", rf"\# {len(octets)} {octets.hex()}")),
)  # fmt: skip
