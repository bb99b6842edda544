"""Two hosts become name servers: what they serve and to whom, what is closed, and that each knows the others."""

from __future__ import annotations

import base64
import socket
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdataclass
import dns.tsig
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest

from provisioning.enroll import EnrolmentFailed, OperatorLogin, tell_name_servers
from provisioning.probes.dns import Ask
from provisioning.record_sets import RecordSet
from tests.by_hand import NS, all_seen, found, write, zones
from tests.nodes import TRANSFER_KEY, EnrolledNode, NameServers, enroll_lab_node

SECONDS = 60.0
FIRST, SECOND = (RecordSet("www", "A", 300, (address,)) for address in ("192.0.2.1", "192.0.2.2"))
CATALOG = "catalog.ns1.cis.invalid"
KEY = dns.tsig.Key("cis-transfer", base64.b64decode(TRANSFER_KEY), "hmac-sha256")
OURS = "/etc/cis /etc/bind /etc/ssh /etc/sudoers.d /etc/passwd /etc/nftables.conf /usr/local/lib/cis"
SNAPSHOT = f"find {OURS} -type f ! -name '*.mdb' ! -name '*-' -exec sha256sum {{}} + | sort; knotc conf-read || true"
PIDS = "cat /run/knot/knot.pid /run/named/named.pid 2> /dev/null || true"


def test_a_signed_zone_of_the_primary_is_followed_changed_and_let_go_by_the_secondary(
    name_servers: NameServers,
) -> None:
    with zones(name_servers, "walk.example", template="cis-signed", sets=(FIRST,)):
        assert all_seen(name_servers, Ask("walk.example", (NS, FIRST), signed=True))
        write(name_servers, "walk.example", SECOND)
        assert all_seen(name_servers, Ask("walk.example", (SECOND,), gone=(("mail", "A"),), signed=True))
    assert all_seen(name_servers, Ask("walk.example", present=False))


def test_zones_are_transferred_to_holders_of_the_key_only(name_servers: NameServers) -> None:
    with zones(name_servers, "mine.example", template="cis-unsigned", sets=(FIRST,)):
        assert all_seen(name_servers, Ask("mine.example", (FIRST,)))
        whole = transfer(name_servers.primary, "mine.example", KEY)
        assert whole.get_rdataset("www", "A") is not None
        stranger = dns.tsig.Key("cis-transfer", b"another key of the same length..", "hmac-sha256")
        for node, key in (
            (name_servers.primary, None),
            (name_servers.primary, stranger),
            (name_servers.secondary, KEY),
        ):
            for name in ("mine.example", CATALOG):
                with pytest.raises((dns.xfr.TransferError, dns.tsig.PeerError, dns.exception.FormError)):
                    transfer(node, name, key)


def test_strangers_learn_nothing_but_zones(name_servers: NameServers) -> None:
    for node in (name_servers.primary, name_servers.secondary):
        elsewhere = ask(node, "www.example.org", "A")
        assert elsewhere.rcode() == dns.rcode.REFUSED
        assert not elsewhere.flags & dns.flags.RA
        for name in ("version.bind", "version.server", "hostname.bind", "id.server"):
            assert not ask(node, name, "TXT", dns.rdataclass.CH).answer
        assert ask(node, CATALOG, "SOA").rcode() != dns.rcode.NOERROR


def test_only_dns_and_ssh_are_open(name_servers: NameServers) -> None:
    for node in (name_servers.primary, name_servers.secondary):
        name_servers.on(node, "sh", "-c", "python3 -m http.server 8080 >/dev/null 2>&1 & echo $! > /tmp/server")
        name_servers.on(node, "sh", "-c", "until ss -ltn | grep -q :8080; do sleep 0.02; done")
        assert [port for port in (22, 53, 953, 8080) if is_open(node, port)] == [22, 53]
        name_servers.on(node, "sh", "-c", "kill $(cat /tmp/server)")


def test_who_asks_too_fast_is_sent_to_tcp_but_the_panel_is_not(name_servers: NameServers) -> None:
    with zones(name_servers, "quick.example", template="cis-unsigned", sets=(FIRST,)):
        assert all_seen(name_servers, Ask("quick.example", (FIRST,)))
        for asker, asked in (
            (name_servers.primary, name_servers.secondary),
            (name_servers.secondary, name_servers.primary),
        ):
            said = name_servers.on(asker, "python3", "-", asked.state.address, stdin=FLOOD.encode())
            answered, truncated = map(int, said.split())
            assert answered > 500
            assert truncated > 100
        assert all(seen.ok for seen in found(name_servers, *[Ask("quick.example", (FIRST,))] * 2_000).values())


def test_enrolling_again_changes_nothing_and_restarts_nothing(name_servers: NameServers) -> None:
    for node in (name_servers.primary, name_servers.secondary):
        before = [name_servers.on(node, "sh", "-c", script) for script in (SNAPSHOT, PIDS)]
        again = enroll_again(name_servers, node)
        assert again.enrolled == node.enrolled
        assert [name_servers.on(node, "sh", "-c", script) for script in (SNAPSHOT, PIDS)] == before


def test_a_further_secondary_is_told_to_the_primary_and_a_further_primary_to_the_secondary(
    name_servers: NameServers,
) -> None:
    knot = name_servers.on(name_servers.primary, "sh", "-c", PIDS)
    for what in (told(name_servers, primaries=["ns4"], secondaries=["ns3"]), told(name_servers)):
        for node in (name_servers.primary, name_servers.secondary):
            tell(name_servers, node, what)
        assert remotes(name_servers) == {f"cis-{one['name']}" for one in what["secondaries"]}
        config = name_servers.on(name_servers.secondary, "named-checkconf", "-p")
        assert all(f"catalog.{one['name']}.cis.invalid" in config for one in what["primaries"])
        with zones(name_servers, "more.example", template="cis-unsigned", sets=(FIRST,)):
            assert all_seen(name_servers, Ask("more.example", (FIRST,)))
        assert all_seen(name_servers, Ask("more.example", present=False))
    assert name_servers.on(name_servers.primary, "sh", "-c", PIDS) == knot


@pytest.mark.parametrize(
    "wrong",
    [
        {"own": "ns9"},
        {"key": "c2hvcnQ="},
        {"primaries": [{"name": "ns1; reboot", "address": "10.0.0.1"}]},
        {"secondaries": [{"name": "ns2", "address": "10.0.0.1@53\nkey: x"}]},
        {"secondaries": [{"name": "ns2", "address": "127.0.0.1"}]},
        {"secondaries": [{"name": "ns1", "address": "10.0.0.9"}]},
        {"primaries": [], "secondaries": [{"name": "ns1", "address": "10.0.0.9"}]},
    ],
)
def test_what_makes_no_sense_is_refused_and_its_words_hold_no_key(
    name_servers: NameServers, wrong: dict[str, object]
) -> None:
    before = remotes(name_servers)
    with pytest.raises(EnrolmentFailed) as failure:
        tell(name_servers, name_servers.primary, told(name_servers) | wrong)
    assert failure.value.code == "request"
    assert TRANSFER_KEY not in str(failure.value)
    assert remotes(name_servers) == before


def test_the_key_is_told_to_nobody_else(name_servers: NameServers) -> None:
    for node in (name_servers.primary, name_servers.secondary):
        script = "cat > /tmp/key; grep -rlF -f /tmp/key /var/log /etc /tmp --exclude=key || true; rm /tmp/key"
        assert name_servers.on(node, "sh", "-c", script, stdin=TRANSFER_KEY.encode()) in {"", "/etc/bind/cis.keys"}
    assert name_servers.on(name_servers.secondary, "stat", "-c", "%a %U %G", "/etc/bind/cis.keys") == "640 root bind"
    assert name_servers.on(name_servers.primary, "stat", "-c", "%a %U", "/var/lib/knot/confdb") == "750 knot"


def test_a_secondary_that_was_away_comes_to_what_happened_meanwhile(name_servers: NameServers) -> None:
    with zones(name_servers, "away.example", template="cis-unsigned", sets=(FIRST,)):
        assert all_seen(name_servers, Ask("away.example", (FIRST,)))
        name_servers.lab.power_off("ns2")
        write(name_servers, "away.example", SECOND)
        missing = found(name_servers, Ask("away.example", (SECOND,)), seconds=0)["away.example"]
        assert (missing.ok, missing.code, missing.by_server["ns2"]) == (False, "unreachable", None)
        with zones(name_servers, "born.example", template="cis-signed", sets=(FIRST,)):
            name_servers.lab.power_on("ns2")
            assert all_seen(name_servers, Ask("away.example", (SECOND,)), Ask("born.example", (FIRST,), signed=True))
    assert all_seen(name_servers, Ask("away.example", present=False), Ask("born.example", present=False))


def test_after_a_reboot_the_primary_serves_the_same_with_the_same_serial(name_servers: NameServers) -> None:
    with zones(name_servers, "kept.example", template="cis-signed", sets=(FIRST,)):
        assert all_seen(name_servers, Ask("kept.example", (FIRST,), signed=True))
        serial = found(name_servers, Ask("kept.example"))["kept.example"].serial
        name_servers.lab.power_off("ns1")
        name_servers.lab.power_on("ns1")
        assert all_seen(name_servers, Ask("kept.example", (FIRST,), signed=True))
        assert found(name_servers, Ask("kept.example"))["kept.example"].serial == serial
    assert all_seen(name_servers, Ask("kept.example", present=False))


def test_agents_of_name_servers_say_what_they_are(name_servers: NameServers) -> None:
    hellos = [
        node.session().request({"op": "hello"}, SECONDS) for node in (name_servers.primary, name_servers.secondary)
    ]
    assert [hello["roles"] for hello in hellos] == [["dns_primary"], ["dns_secondary"]]
    assert hellos[0]["services"]["knot"].startswith("3.2")
    assert hellos[1]["services"]["bind"].startswith("9.18")


FLOOD = """
import socket, sys, time
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.connect((sys.argv[1], 53))
link.settimeout(0.5)
name = b"".join(bytes([len(label)]) + label for label in (b"www", b"quick", b"example", b""))
answered = truncated = 0
for number in range(1000):
    link.send(number.to_bytes(2, "big") + b"\\0\\0\\0\\1" + b"\\0" * 6 + name + b"\\0\\1\\0\\1")
    try:
        answer = link.recv(4096)
    except TimeoutError:
        continue
    answered += 1
    truncated += bool(answer[2] & 2)
print(answered, truncated)
"""


def ask(
    node: EnrolledNode, name: str, kind: str, class_: dns.rdataclass.RdataClass = dns.rdataclass.IN
) -> dns.message.Message:
    question = dns.message.make_query(name, kind, class_)
    for _ in range(20):
        try:
            return dns.query.udp(question, node.state.address, timeout=3)
        except dns.exception.Timeout:
            continue
    raise AssertionError(f"{node.state.name} does not answer")


def transfer(node: EnrolledNode, name: str, key: dns.tsig.Key | None) -> dns.zone.Zone:
    whole = dns.zone.Zone(name)
    query, _ = dns.xfr.make_query(whole, keyring=key)
    dns.query.inbound_xfr(node.state.address, whole, query, timeout=SECONDS)
    return whole


def is_open(node: EnrolledNode, port: int) -> bool:
    try:
        socket.create_connection((node.state.address, port), 0.5).close()
    except OSError:
        return False
    return True


def told(
    servers: NameServers, *, primaries: list[str] | None = None, secondaries: list[str] | None = None
) -> dict[str, Any]:
    """What both are told, with made-up ones besides."""
    gateway = servers.primary.panel_address

    def listed(node: EnrolledNode, more: list[str] | None) -> list[dict[str, str]]:
        others = [{"name": name, "address": gateway} for name in more or []]
        return [{"name": node.state.name, "address": node.state.address}, *others]

    return {
        "key": TRANSFER_KEY,
        "primaries": listed(servers.primary, primaries),
        "secondaries": listed(servers.secondary, secondaries),
    }


def tell(servers: NameServers, node: EnrolledNode, what: dict[str, Any]) -> None:
    operator = OperatorLogin("root", servers.lab.operator_key)
    tell_name_servers(
        node.state.address,
        22,
        node.host_key,
        operator=operator,
        name_servers={"own": node.state.name, **what},
        progress=print,
    )


def enroll_again(servers: NameServers, node: EnrolledNode) -> EnrolledNode:
    names = {"own": node.state.name, **told(servers)}
    return enroll_lab_node(servers.lab.state(), node.state.name, node.panel_key, name_servers=names)


def remotes(servers: NameServers) -> set[str]:
    """The secondaries that the primary tells of changes."""
    lines = servers.on(servers.primary, "knotc", "conf-read", "template[cis-signed].notify").partition("=")[2]
    return set(lines.split())
