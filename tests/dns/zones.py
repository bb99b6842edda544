"""Zones to test with, written as zone files."""

from __future__ import annotations

from panel.dns.content import Content
from panel.dns.zonefile import read_zone

ZONE = "gmina.example"
SOA = "@ 3600 SOA ns1.dns.example. hostmaster.gmina.example. 1 14400 3600 1209600 3600\n"
SERVERS = "@ NS ns1.dns.example.\n@ NS ns2.dns.example.\n"


def content(text: str, *, name: str = ZONE, servers: str = SERVERS, soa: str = SOA) -> Content:
    """The content of ``text``, lines of a zone file; name servers stand in it already."""
    read = read_zone({"zone": f"$TTL 3600\n{soa}{servers}{text}\n".encode()}, main="zone", origin=name)
    assert read.refusals == ()
    assert read.soa is not None
    return Content(name, read.soa, read.sets)
