"""What the probe of zones finds with real servers, and with servers that lose, forge and lag."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from provisioning.probes import dns_links
from provisioning.probes.dns import Ask, Server, ZoneSeen, look, serial_before
from provisioning.record_sets import RecordSet, Soa
from tests.by_hand import NS, all_seen, found, write, zones
from tests.nodes import NameServers

WWW, OTHER = (RecordSet("www", "A", 300, (address,)) for address in ("192.0.2.1", "192.0.2.2"))
LONG = RecordSet("long", "TXT", 300, tuple(sorted(f'"{number:03}{"x" * 200}"' for number in range(40))))
CUT = RecordSet("child", "NS", 3600, ("ns.child.look.example.", "ns.elsewhere.test."))
GLUE = RecordSet("ns.child", "A", 3600, ("192.0.2.53",))
STAR = RecordSet("*.star", "CNAME", 300, ("www.look.example.",))
ODD = RecordSet("odd\\046name._x", "TYPE65280", 60, ("\\# 3 010203",))
SRV = RecordSet("_sip._tcp", "SRV", 300, ("10 20 5060 www.look.example.",))
SETS = (CUT, GLUE, STAR, ODD, SRV, LONG, WWW)
START = Soa(mname="ns1.lab.test.", rname="hostmaster.lab.test.", refresh=3600, retry=900, expire=1209600, minimum=300,
            ttl=3600)  # fmt: skip

FAKE_PORT = 5_300
Reply = Callable[[dns.message.Message, int], list[bytes]]


def test_sets_of_all_sorts_are_seen_on_both_servers(name_servers: NameServers) -> None:
    with zones(name_servers, "look.example", template="cis-signed", sets=SETS):
        whole = Ask("look.example", (NS, *SETS), gone=(("nobody", "A"), ("www", "AAAA")), soa=START, signed=True)
        assert all_seen(name_servers, whole)


def test_what_is_otherwise_than_wanted_is_told_with_the_server_that_says_it(name_servers: NameServers) -> None:
    with zones(name_servers, "look.example", template="cis-unsigned", sets=SETS):
        assert all_seen(name_servers, Ask("look.example", SETS))
        later = Soa(**{**START.plain(), "minimum": 301})
        longer = RecordSet("www", "A", 301, WWW.values)
        more = RecordSet("www", "A", 300, ("192.0.2.1", "192.0.2.9"))
        wrong = {
            "values": Ask("look.example", (OTHER,)),
            "one more": Ask("look.example", (more,)),
            "ttl": Ask("look.example", (longer,)),
            "not gone": Ask("look.example", gone=(("www", "A"),)),
            "start": Ask("look.example", soa=later),
            "cut": Ask("look.example", (RecordSet("child", "NS", 3600, ("ns.elsewhere.test.",)),)),
            "unsigned": Ask("look.example", (WWW,), signed=True),
            "there": Ask("look.example", present=False),
            "not there": Ask("other.example"),
        }
        answers = {what: found(name_servers, ask, seconds=0)[ask.zone] for what, ask in wrong.items()}
        codes = {what: (seen.ok, seen.code) for what, seen in answers.items()}
        assert codes == dict.fromkeys(wrong, (False, "not_answered"))
        assert all(seen.words.startswith("ns1: ") for seen in answers.values())
        assert answers["values"].words == "ns1: www A: other values than wanted"


def test_a_secondary_that_lags_is_behind_until_it_is_not(name_servers: NameServers) -> None:
    with zones(name_servers, "lag.example", template="cis-unsigned", sets=(WWW,)):
        assert all_seen(name_servers, Ask("lag.example", (WWW,)))
        name_servers.on(name_servers.primary, "knotc", "-b", "zone-xfr-freeze", "lag.example")
        write(name_servers, "lag.example", OTHER)
        seen = found(name_servers, Ask("lag.example", (OTHER,)), seconds=0.5)["lag.example"]
        assert (seen.ok, seen.code) == (False, "secondary_behind")
        assert seen.words.startswith("ns2: serial ")
        assert serial_before(seen.by_server["ns2"] or 0, seen.by_server["ns1"] or 0)
        name_servers.on(name_servers.primary, "knotc", "-b", "zone-xfr-thaw", "lag.example")
        name_servers.on(name_servers.primary, "knotc", "zone-notify", "lag.example")
        assert all_seen(name_servers, Ask("lag.example", (OTHER,)))


def test_many_zones_are_looked_at_together_and_one_that_is_wrong_spoils_no_other(name_servers: NameServers) -> None:
    names = [f"m{number}.example" for number in range(30)]
    with zones(name_servers, *names, template="cis-unsigned", sets=(WWW,)):
        assert all_seen(name_servers, *(Ask(name, (NS, WWW)) for name in names))
        asks = [Ask(name, (OTHER if name == "m15.example" else WWW,)) for name in names]
        assert [name for name, seen in found(name_servers, *asks, seconds=1).items() if not seen.ok] == ["m15.example"]


def test_lost_questions_are_asked_again_and_forged_answers_are_not_taken(fakes: list[str]) -> None:
    def lossy(question: dns.message.Message, number: int) -> list[bytes]:
        """Say nothing the first time, then what others might send, then the answer."""
        right = answer(question, "192.0.2.1").to_wire()
        stranger = answer(dns.message.make_query("other.example", "A", id=question.id), "192.0.2.66").to_wire()
        forged = answer(question, "192.0.2.66").to_wire()
        return [] if number == 1 else [bytes([forged[0] ^ 1]) + forged[1:], stranger, b"x", right]

    with serving(fakes[0], lossy):
        seen = at_once(fakes[:1], Ask("fake.example", (WWW,)))
    assert seen == ZoneSeen(ok=True, code="", words="", serial=7, by_server={"s0": 7})


def test_a_server_that_says_nothing_is_unreachable_and_the_others_are_told_of_all_the_same(fakes: list[str]) -> None:
    with serving(fakes[0], plain), serving(fakes[1], lambda _question, _number: []):
        seen = at_once(fakes, Ask("fake.example", (WWW,)))
    assert (seen.ok, seen.code, seen.words) == (False, "unreachable", "s1: no answer in time")
    assert seen.by_server == {"s0": 7, "s1": None}


def test_what_is_no_answer_is_not_read_as_one(fakes: list[str]) -> None:
    def cut_short(question: dns.message.Message, _number: int) -> list[bytes]:
        return [answer(question, "192.0.2.1").to_wire()[:-6]]

    with serving(fakes[0], cut_short):
        seen = at_once(fakes[:1], Ask("fake.example", (WWW,)))
    assert (seen.ok, seen.code) == (False, "protocol")


@pytest.mark.parametrize(
    ("one", "other", "before"),
    [(1, 2, True), (2, 1, False), (7, 7, False), (2**32 - 5, 3, True), (3, 2**32 - 5, False), (0, 2**31, False)],
)
def test_serials_go_round(one: int, other: int, *, before: bool) -> None:
    assert serial_before(one, other) is before


def plain(question: dns.message.Message, _number: int) -> list[bytes]:
    return [answer(question, "192.0.2.1").to_wire()]


def answer(question: dns.message.Message, address: str) -> dns.message.Message:
    """What a server of fake.example says, its serial 7."""
    reply = dns.message.make_response(question)
    reply.flags |= dns.flags.AA
    (asked,) = question.question
    text = "ns. root. 7 1 1 1 1" if asked.rdtype == 6 else address
    reply.answer.append(dns.rrset.from_text(asked.name, 300, "IN", asked.rdtype, text))
    return reply


def at_once(addresses: list[str], ask: Ask) -> ZoneSeen:
    servers = [Server(f"s{number}", address) for number, address in enumerate(addresses)]
    return look(servers, [ask], until=time.monotonic())[ask.zone]


@contextmanager
def serving(address: str, reply: Reply) -> Iterator[None]:
    """A server over UDP and TCP; ``reply`` is told how often a question of this name and type came by UDP."""
    ended = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link, socket.create_server((address, FAKE_PORT)) as tcp:
        link.bind((address, FAKE_PORT))
        jobs = ((_datagrams, link), (_streams, tcp))
        threads = [threading.Thread(target=target, args=(one, reply, ended)) for target, one in jobs]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join(60)


def _datagrams(link: socket.socket, reply: Reply, ended: threading.Event) -> None:
    link.settimeout(0.05)
    asked: Counter[str] = Counter()
    while not ended.is_set():
        try:
            packet, asker = link.recvfrom(4096)
        except TimeoutError:
            continue
        question = dns.message.from_wire(packet)
        asked[str(question.question[0])] += 1
        for answered in reply(question, asked[str(question.question[0])]):
            link.sendto(answered, asker)


def _streams(tcp: socket.socket, reply: Reply, ended: threading.Event) -> None:
    tcp.settimeout(0.05)
    while not ended.is_set():
        try:
            link, _ = tcp.accept()
        except TimeoutError:
            continue
        with link:
            link.settimeout(30)
            question = dns.message.from_wire(link.recv(4096)[2:])
            for answered in reply(question, 2)[-1:]:
                link.sendall(len(answered).to_bytes(2, "big") + answered)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two addresses of this host that no other process of tests takes, and another port than 53 for the probe."""
    monkeypatch.setattr(dns_links, "PORT", FAKE_PORT)
    number = os.getpid()
    return [f"127.{100 + number // 62_500 % 100}.{number // 250 % 250}.{number % 250 + last}" for last in (1, 2)]
