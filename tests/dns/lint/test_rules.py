"""Each code with what calls it up and with what is near it but right; the pairs stand in ``cases.zone``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from panel.dns.lint import Around, Remark, lint
from panel.dns.lint.codes import LEVELS
from tests.dns.zones import content

_CASE = re.compile(r"\n\n; (\w+)\n(.*?)\n; but not\n(.*?)(?=\n\n|\n\Z)", re.DOTALL)
CASES = {code: (bad, good) for code, bad, good in _CASE.findall((Path(__file__).parent / "cases.zone").read_text())}
HOSTED = content(
    """
    there A 192.0.2.1
    sub NS ns1.dns.example.
    sub NS ns2.dns.example.
    @ TXT "v=spf1 a mx include:x.example include:y.example include:z.example redirect=w.example"
    gmina.example._report._dmarc TXT v=DMARC1
    """.replace("\n    ", "\n"),
    name="hosted.example",
)
AROUND = Around(
    zone_at={"hosted.example": HOSTED}.get,
    web_addresses=frozenset({"198.51.100.80"}),
    is_site={"there.gmina.example"}.__contains__,
    own_addresses=frozenset({"10.9.9.9"}),
)
ELSEWHERE = {"apex_ns_missing", "soa_retry", "soa_expire", "ptr_many", "ptr_name", "dkim_weak"}
"""Codes whose pairs are no lines of one zone; each has a test of its own below."""


@pytest.mark.parametrize("code", CASES)
def test_what_is_bad_is_remarked_and_what_is_near_it_is_not(code: str) -> None:
    bad, good = (codes(lint(content(text), around=AROUND)) for text in CASES[code])
    assert code in bad
    assert code not in good


def test_every_code_has_a_pair() -> None:
    assert CASES.keys() | ELSEWHERE == LEVELS.keys()


def test_a_usual_zone_has_no_remarks() -> None:
    zone = content((Path(__file__).parent / "usual.zone").read_text())
    assert lint(zone, around=AROUND) == []


def test_a_zone_has_name_servers_at_its_apex() -> None:
    assert codes(lint(content("www A 192.0.2.1", servers=""), around=Around())) == {"apex_ns_missing"}


def test_timers_of_the_start_fit_each_other() -> None:
    zone = content("")
    slow = replace(zone, soa=replace(zone.soa, retry=14_400))
    short = replace(zone, soa=replace(zone.soa, expire=20_000))
    assert [remark.code for remark in lint(slow, around=Around())] == ["soa_retry"]
    assert codes(lint(short, around=Around())) == {"soa_expire"}


def test_reverse_zones_name_whole_addresses_once() -> None:
    names = ("1 PTR a", "2 PTR a", "2 PTR b", "3.4 PTR c", "256 PTR d")
    zone = content("\n".join(f"{name}.dns.example." for name in names), name="2.0.192.in-addr.arpa")
    assert told(lint(zone, around=Around())) == [("2", "ptr_many"), ("256", "ptr_name"), ("3.4", "ptr_name")]
    cut = content("host-1 PTR a.dns.example.\n5 PTR b.dns.example.", name="0/25.2.0.192.in-addr.arpa")
    six = content(
        f"{'0.' * 15}1 PTR a.dns.example.\n1.0 PTR b.dns.example.", name=f"{'0.' * 8}8.b.d.0.1.0.0.2.ip6.arpa"
    )
    assert lint(cut, around=Around()) == []
    assert told(lint(six, around=Around())) == [("1.0", "ptr_name")]


def test_errors_come_first() -> None:
    remarks = lint(content("a A 127.0.0.1\nz CNAME a\nz TXT x"), around=Around())
    assert [(remark.level, remark.name, remark.code) for remark in remarks] == [
        ("error", "z", "cname_beside"),
        ("warning", "a", "address_unusable"),
    ]
    assert remarks[0].params == {"types": "TXT"}


def codes(remarks: list[Remark]) -> set[str]:
    return {remark.code for remark in remarks}


def told(remarks: list[Remark]) -> list[tuple[str, str]]:
    return [(remark.name, remark.code) for remark in remarks]
