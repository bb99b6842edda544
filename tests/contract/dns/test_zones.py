"""What is special of zones: serials, signing, updates, and that one zone's fault is never another's."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dns.dnssec
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsigkeyring
import dns.update

from provisioning.agent.adapters.dns_rows import after
from provisioning.record_sets import RecordSet
from provisioning.resources import Gone, MailDomain, Zone
from tests.contract.dns_zones import answers, ask, changed, serial, serves, wait_until, zone
from tests.contract.node import AgentUnderTest, new_id

KEY_NAME, SECRET = "acme.test", "c2VjcmV0IG9mIHRoZSB0ZXN0cyBhbG9uZQ=="
ALL_TYPES = (
    RecordSet("a", "AAAA", 300, ("2001:db8::1", "2001:db8::2")),
    RecordSet("@", "CAA", 300, ('0 issue "letsencrypt.org; validationmethods=dns-01"',)),
    RecordSet("c", "CNAME", 300, ("www.other.test.",)),
    RecordSet("d", "DNAME", 300, ("other.test.",)),
    RecordSet("sub", "NS", 300, ("ns.other.test.",)),
    RecordSet("sub", "DS", 300, ("12345 13 2 " + "ab" * 32,)),
    RecordSet("@", "HTTPS", 300, ('1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1"',)),
    RecordSet("loc", "LOC", 300, ("52 5 12.000 N 16 38 1.000 E 80.00m 1.00m 10000.00m 10.00m",)),
    RecordSet("@", "MX", 300, ("10 mail.other.test.", "20 mail2.other.test.")),
    RecordSet("n", "NAPTR", 300, ('100 10 "S" "SIP+D2U" "" _sip._udp.other.test.',)),
    RecordSet("o", "OPENPGPKEY", 300, ("aGVsbG8=",)),
    RecordSet("p", "PTR", 300, ("www.other.test.",)),
    RecordSet("s", "SMIMEA", 300, ("3 1 1 " + "ab" * 32,)),
    RecordSet("_sip._udp", "SRV", 300, ("0 5 5060 sip.other.test.",)),
    RecordSet("h", "SSHFP", 300, ("4 2 " + "ab" * 32,)),
    RecordSet("v", "SVCB", 300, ("0 www.other.test.",)),
    RecordSet("_443._tcp", "TLSA", 300, ("3 1 1 " + "ab" * 32,)),
    RecordSet("*.t", "TXT", 300, ('""', '"a; (b) @ \\"c\\" \\\\" "\\196\\153"')),
    RecordSet("u", "URI", 300, ('10 1 "https://other.test/"',)),
    RecordSet("x", "TYPE65280", 300, ("\\# 2 0aff",)),
    RecordSet("\\000\\046.0/25", "A", 300, ("192.0.2.9",)),
)


def test_every_type_is_answered_as_it_was_wanted(ns1: AgentUnderTest) -> None:
    item = zone(*ALL_TYPES, name=f"0/25.{new_id()[:8]}.in-addr.arpa")
    ns1.make(item)
    for one in item.records:
        owner = dns.name.from_text(item.name if one.name == "@" else f"{one.name}.{item.name}")
        type_ = dns.rdatatype.from_text(one.type)
        reply = ask(ns1, str(owner).replace("*", "anything"), one.type)
        found = {rdata for part in (*reply.answer, *reply.authority) if part.rdtype == type_ for rdata in part}
        assert found == {dns.rdata.from_text(dns.rdataclass.IN, type_, value) for value in one.values}, one


def test_serials_only_rise(ns1: AgentUnderTest) -> None:
    """Many changes at once, a clock that was a day ahead, the end of the numbers, a purge, another zone's id."""
    item = zone(dnssec=True, serial_floor=int(time.time()) + 86_400)
    last = item.serial_floor
    for _ in range(5):
        ns1.make(item)
        assert after(serial(ns1, item.name), last)
        last, item = serial(ns1, item.name), changed(item)
    last = 2**32 - 2
    item = replace(item, serial_floor=last)
    ns1.make(item)
    assert after(serial(ns1, item.name), last)
    last = serial(ns1, item.name)
    ns1.make(Gone(kind="zone", id=item.id, generation=item.generation + 1))
    ns1.make(Gone(kind="zone", id=item.id, generation=item.generation + 2, purge=True))
    again = replace(item, id=new_id(), generation=1, serial_floor=0)
    ns1.make(again)
    assert after(serial(ns1, item.name), last)
    last, other = serial(ns1, item.name), changed(replace(again, id=new_id()))
    ns1.make(other, Gone(kind="zone", id=again.id, generation=9))
    assert after(serial(ns1, item.name), last)
    assert serves(ns1, other)


def test_a_server_that_lost_all_goes_on_above_what_others_have_seen(ns1: AgentUnderTest) -> None:
    item = zone(serial_floor=3_000_000_000)
    ns1.make(item)
    seen = serial(ns1, item.name)
    ns1.run("knotc", "-f", "zone-purge", item.name, "+journal", "+timers", "+kaspdb")
    ns1.run("knotc", "-b", "zone-reload", item.name)
    ns1.make(replace(item, generation=2, serial_floor=seen + 10))
    assert after(serial(ns1, item.name), seen + 10)


def test_a_zone_is_signed_leaves_and_keeps_its_keys_until_it_is_purged(ns1: AgentUnderTest) -> None:
    item = zone(dnssec=True)
    ns1.make(item)
    facts = _facts(ns1, item)
    assert facts["serial"] == serial(ns1, item.name)
    assert facts["ds"] == _ds_of(ns1, item.name)
    assert datetime.fromisoformat(facts["expires_at"]) > datetime.now(UTC)
    assert any(one.rdtype == dns.rdatatype.RRSIG for one in ask(ns1, f"www.{item.name}", dnssec=True).answer)
    assert len(answers(ns1, item.name, "CDS")) == 1
    ns1.make(Gone(kind="zone", id=item.id, generation=2))
    ns1.make(replace(item, generation=3))
    assert _facts(ns1, item)["ds"] == facts["ds"]
    ns1.make(replace(item, generation=4, leaving=True))
    assert answers(ns1, item.name, "CDS") == ["0 0 0 00"]
    assert _facts(ns1, item)["ds"] == facts["ds"]
    ns1.make(replace(item, generation=5, dnssec=False))
    assert _facts(ns1, item) == {"serial": serial(ns1, item.name), "ds": [], "cds": [], "expires_at": None}
    assert serves(ns1, item)
    ns1.make(Gone(kind="zone", id=item.id, generation=6, purge=True))
    ns1.make(replace(item, generation=7))
    assert _facts(ns1, item)["ds"] not in ([], facts["ds"])


def test_a_zone_that_knot_would_not_serve_stands_alone(ns1: AgentUnderTest) -> None:
    """The others of its batch are served, its last good content is, also after the server began anew."""
    good, new = zone(), zone(RecordSet("www", "CNAME", 300, ("other.test.",)))
    edited = [zone() for _ in range(25)]
    ns1.make(good, *edited)
    bad = changed(good, RecordSet("x", "AAAA", 300, ("192.0.2.1",)))
    assert _told(ns1, bad) == [("refused", "zone_refused")]
    many = [changed(one) for one in edited]
    assert _told(ns1, *many, changed(bad), new) == [("applied", "")] * 25 + [("refused", "zone_refused")] * 2
    assert all(serves(ns1, one) for one in (good, many[0], many[24]))
    assert new.name not in ns1.run("knotc", "conf-read", "zone.domain")
    words = ns1.send([replace(bad, generation=9)])[0]["message"]
    assert "invalid IPv6 address" in words
    _restart(ns1)
    wait_until(lambda: serves(ns1, good))
    state = ns1.ask(op="state", kind="zone", ids=[good.id])["items"][good.id]
    assert (state["generation"], state["served"]) == (9, False)
    ns1.make(replace(good, generation=10))


def test_an_agent_that_dies_over_a_bad_zone_finds_the_last_good_one(ns1: AgentUnderTest) -> None:
    """It died with the bad file in place; Knot started with that since and does not serve the zone."""
    good = zone(dnssec=True)
    ns1.make(good)
    bad = changed(good, RecordSet("x", "AAAA", 300, ("192.0.2.1",)))
    assert _told(ns1, bad) == [("refused", "zone_refused")]
    file = f"/var/lib/cis/zones/{good.id}"
    ns1.run(
        "sh",
        "-c",
        f"ln {file}.zone {file}.last; rm {file}.zone; echo 'x 300 IN AAAA 192.0.2.1' | cat {file}.last - > {file}.zone",
    )
    _restart(ns1)
    assert _told(ns1, replace(bad, generation=9)) == [("refused", "zone_refused")]
    assert serves(ns1, good)
    assert ns1.run("sh", "-c", f"ls {file}.*").split() == [f"{file}.zone"]


def test_what_somebody_edits_on_the_server_is_found_and_put_right(ns1: AgentUnderTest) -> None:
    item = zone(dnssec=True)
    ns1.make(item)
    other = RecordSet("www", "A", 300, ("198.51.100.1",))
    ns1.run(
        "knotc", stdin=f"zone-begin {item.name}\nzone-set {item.name} www 300 A 198.51.100.1\nzone-commit {item.name}\n"
    )
    assert other.values[0] in answers(ns1, f"www.{item.name}")
    assert not _is_served(ns1, item)
    report = ns1.lab.exec(ns1.node.state.name, ["cis-node", "verify"])
    assert (report.returncode, item.name in report.stdout.decode()) == (1, True)
    ns1.make(item, repair=True)
    assert serves(ns1, item)
    assert _is_served(ns1, item)


def test_a_zone_of_updates_belongs_to_its_key_and_is_never_pushed_again(ns1: AgentUnderTest) -> None:
    parent = zone()
    child = zone(name=f"_acme-challenge.{parent.name}", updates=KEY_NAME)
    ns1.make(parent)
    assert _told(ns1, child) == [("refused", "no_key")]
    key = f"conf-set key[{KEY_NAME}]\nconf-set key[{KEY_NAME}].algorithm hmac-sha256\n"
    ns1.run("knotc", stdin=f"conf-begin\n{key}conf-set key[{KEY_NAME}].secret {SECRET}\nconf-commit\n")
    ns1.make(child)
    assert serves(ns1, child)
    assert _update(ns1, child.name) == dns.rcode.NOERROR
    assert _update(ns1, parent.name) != dns.rcode.NOERROR
    assert _update(ns1, child.name, signed=False) != dns.rcode.NOERROR
    ns1.make(changed(child))
    _restart(ns1)
    wait_until(lambda: answers(ns1, child.name, "TXT") == ['"token"'])
    told = ns1.ask(op="sets", names=[child.name, "other.test"])["zones"]
    assert ["@", "TXT", 60, ['"token"']] in told[child.name]["records"]
    assert told.keys() == {child.name}
    assert _is_served(ns1, child)
    ns1.make(Gone(kind="zone", id=child.id, generation=9, purge=True))
    gone = f"conf-unset acl[cis-updates-{KEY_NAME}]\nconf-unset key[{KEY_NAME}]\n"
    ns1.run("knotc", stdin=f"conf-begin\n{gone}conf-commit\n")


def test_a_transaction_that_somebody_died_in_stops_nobody(ns1: AgentUnderTest) -> None:
    item = zone()
    ns1.run("knotc", "conf-begin")
    ns1.make(item)
    assert serves(ns1, item)


def test_a_node_takes_what_its_roles_take(ns1: AgentUnderTest) -> None:
    assert ns1.ask(op="hello", protocols=[5])["kinds"] == ["zone"]
    mail, item = MailDomain(id=new_id(), generation=1, name="koscian.test"), zone()
    assert _told(ns1, mail, item) == [("refused", "wrong_role"), ("applied", "")]
    assert serves(ns1, item)


def _told(agent: AgentUnderTest, *items: Any) -> list[tuple[str, str]]:
    return [(one["outcome"], one["code"]) for one in agent.send(items)]


def _facts(agent: AgentUnderTest, item: Zone) -> dict[str, Any]:
    told: dict[str, Any] = agent.ask(op="zones", names=[item.name])["zones"][item.name]
    return told


def _is_served(agent: AgentUnderTest, item: Zone) -> bool:
    reply = agent.ask(op="keys", kind="zone", shards=[item.id[-2:]])
    return bool(reply["items"][item.id]["served"])


def _ds_of(agent: AgentUnderTest, name: str) -> list[str]:
    keys = next(one for one in ask(agent, name, "DNSKEY").answer if one.rdtype == dns.rdatatype.DNSKEY)
    return [str(dns.dnssec.make_ds(dns.name.from_text(name), key, "SHA256")) for key in keys if key.flags == 257]


def _update(agent: AgentUnderTest, name: str, *, signed: bool = True) -> dns.rcode.Rcode:
    keyring = dns.tsigkeyring.from_text({KEY_NAME: SECRET}) if signed else None
    change = dns.update.UpdateMessage(name, keyring=keyring, keyalgorithm="hmac-sha256")
    change.add("@", 60, "TXT", '"token"')
    try:
        return dns.query.tcp(change, agent.target.node_address, timeout=5).rcode()
    except dns.tsig.PeerError:
        return dns.rcode.NOTAUTH


def _restart(agent: AgentUnderTest) -> None:
    stop, start = (
        "knotc stop; while pidof knotd; do sleep 0.05; done",
        "knotd -d; until knotc status; do sleep 0.05; done",
    )
    script = f"{stop}; {start}"
    agent.run("sh", "-c", f"({script}) >/dev/null 2>&1 </dev/null")
