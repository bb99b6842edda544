"""What is seen of names outside, over real datagrams."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rrset
import pytest

from config import Settings
from panel.dns import asking
from panel.dns.asking import Seen, Servers, World

TOKEN = "a" * 32
OURS = Servers(names=frozenset({"ns1.wokiss.pl"}), addresses=frozenset({"192.0.2.21"}))
PARENT = ("pl. NS a.dns.pl.", "a.dns.pl. A 127.0.0.1")


def test_the_text_and_the_delegation_are_seen_as_they_are() -> None:
    for text, delegation, expected in (
        (f'"{TOKEN}"', "ns9.elsewhere.pl.", Seen(text="right", delegated="elsewhere")),
        (f'"{TOKEN[:9]}" "{TOKEN[9:]}"', "ns1.wokiss.pl.", Seen(text="right", delegated="ours")),
        ('"b"', "NS1.WOKISS.PL.", Seen(text="other", delegated="ours")),
        ("", "vanity.koscian.pl.", Seen(text="missing", delegated="ours")),
        ("", "", Seen(text="missing", delegated="elsewhere")),
    ):
        records = [*PARENT, "vanity.koscian.pl. A 192.0.2.21"]
        records += [f"_cis-proof.koscian.pl. TXT {text}"] if text else []
        records += [f"koscian.pl. NS {delegation}"] if delegation else []
        with answering(records) as port:
            seen = _world(port, allowed="127.0.0.0/8").look("koscian.pl", TOKEN)
        assert seen == expected, (text, delegation)


def test_no_stranger_leads_us_to_addresses_inside_and_silence_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering([*PARENT, "koscian.pl. NS ns1.wokiss.pl."]) as port:
        assert _world(port).look("koscian.pl", TOKEN) == Seen(text="missing", delegated="unknown")
    monkeypatch.setattr(asking, "SECONDS", 0.1)
    assert _world(port).look("koscian.pl", TOKEN) == Seen(text="unknown", delegated="unknown")


def test_all_resolvers_that_answer_must_show_the_text() -> None:
    right = f'_cis-proof.koscian.pl. TXT "{TOKEN}"'
    with answering([right]) as first, answering([]) as second, answering([right]) as third:
        for ports, text in (((first, second), "missing"), ((first, third), "right"), ((second, third), "missing")):
            resolvers = ",".join(f"127.0.0.1@{port}" for port in ports)
            world = World(Settings(env="lab", resolvers=resolvers), OURS)
            assert world.look("koscian.pl", TOKEN).text == text


def _world(port: int, *, allowed: str = "") -> World:
    return World(Settings(env="lab", outgoing_allowed=allowed, resolvers=f"127.0.0.1@{port}"), OURS, port=port)


@contextmanager
def answering(records: list[str]) -> Iterator[int]:
    """The port of a server that answers with these records: a resolver, and the parent's server, which refers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(sock, records), daemon=True)
        thread.start()
        yield int(sock.getsockname()[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", sock.getsockname())
        thread.join(30)


def _serve(sock: socket.socket, records: list[str]) -> None:
    while True:
        wire, address = sock.recvfrom(4096)
        if not wire:
            return
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query)
        (asked,) = query.question
        found = [line.split(" ", 2) for line in records]
        rrsets = [
            dns.rrset.from_text(name, 60, "IN", type_, value)
            for name, type_, value in found
            if dns.rrset.from_text(name, 60, "IN", type_, value).match(asked.name, asked.rdclass, asked.rdtype, 0)
        ]
        (answer.answer if query.flags & dns.flags.RD else answer.authority).extend(rrsets)
        sock.sendto(answer.to_wire(), address)
