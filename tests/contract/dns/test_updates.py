"""Zones that programs change by themselves (RFC 2136), and keys that roll when the parent follows."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update

from provisioning.resources import Gone, Zone
from tests.contract.dns_zones import answers, serial, wait_until, zone
from tests.contract.node import AgentUnderTest, new_id
from tests.nodes import NameServers

SECRET = base64.b64encode(b"the key of programs in tests....").decode()
OTHER = base64.b64encode(b"a key that somebody renewed.....").decode()


def test_holders_of_the_key_write_texts_into_the_zone_and_nothing_else_anywhere(
    ns1: AgentUnderTest, name_servers: NameServers
) -> None:
    parent = zone()
    child = replace(_child(parent), dnssec=True)
    ns1.make(parent, child)
    first = serial(ns1, child.name)
    assert _update(ns1, child, add=("@", 60, "TXT", '"one; \\"two\\""')) == dns.rcode.NOERROR
    assert _update(ns1, child, add=("sub", 60, "TXT", '"x"')) == dns.rcode.NOERROR
    assert _update(ns1, child, delete=("sub", "TXT")) == dns.rcode.NOERROR
    for refused in (
        {"secret": OTHER},
        {"zone": parent.name},
        {"add": ("@", 60, "A", "192.0.2.1")},
        {"add": (f"www.{parent.name}.", 60, "TXT", '"x"')},
        {"delete": ("@", "NS")},
        {"delete": ("@",)},
    ):
        asked: dict[str, Any] = {"add": ("@", 60, "TXT", '"bad"')} if "add" not in refused else {}
        asked = {} if "delete" in refused else asked
        assert _update(ns1, child, **{**asked, **refused}) != dns.rcode.NOERROR, refused
    wait_until(lambda: _texts_of_secondary(name_servers, child) == ['"one; \\"two\\""'])

    told = ns1.ask(op="changes", names={child.name: first, parent.name: None})["zones"]
    assert told.keys() == {child.name}
    found = told[child.name]
    assert ["@", "TXT", 60, ['"one; \\"two\\""']] in found["records"]
    text = ["sub", "TXT", 60, '"x"']
    assert [(one["removed"], one["added"]) for one in found["changes"]] == [
        ([], [["@", "TXT", 60, '"one; \\"two\\""']]),
        ([], [text]),
        ([text], []),
    ]
    assert found["changes"][-1]["serial"] == found["serial"]
    again = ns1.ask(op="changes", names={child.name: found["serial"]})["zones"][child.name]
    assert again["changes"] == []
    lost = ns1.ask(op="changes", names={child.name: 7})["zones"][child.name]
    assert (lost["changes"], lost["records"]) == (None, found["records"])


def test_a_renewed_key_takes_the_place_of_the_old_one_and_goes_with_the_zone(ns1: AgentUnderTest) -> None:
    child = _child(zone())
    ns1.make(child)
    renewed = replace(child, generation=2, updates=f"cis-dyn-{new_id()[:8]}", update_key=OTHER)
    ns1.make(renewed)
    assert _update(ns1, child) != dns.rcode.NOERROR
    assert _update(ns1, renewed) == dns.rcode.NOERROR
    assert child.updates not in ns1.run("knotc", "conf-read", "key") + ns1.run("knotc", "conf-read", "acl")
    assert _is_served(ns1, renewed)
    ns1.run("knotc", stdin=f"conf-begin\nconf-unset acl[cis-updates-{renewed.updates}].update-type\nconf-commit\n")
    assert not _is_served(ns1, renewed)
    ns1.make(renewed, repair=True)
    assert _is_served(ns1, renewed)
    assert _update(ns1, renewed, add=("@", 60, "A", "192.0.2.1")) != dns.rcode.NOERROR
    assert OTHER not in str(ns1.ask(op="read", kind="zone", ids=[child.id]))
    ns1.make(Gone(kind="zone", id=child.id, generation=3, purge=True))
    left = ns1.run("knotc", "conf-read", "acl") + ns1.run("knotc", "conf-read", "key")
    assert renewed.updates not in left
    script = "import sqlite3; db = sqlite3.connect('/var/lib/cis/mail/mail.sqlite'); "
    script += "print([row[0] for row in db.execute('SELECT name FROM zone_key')])"
    assert renewed.updates not in ns1.run("python3", "-c", script)


def test_keys_roll_when_the_panel_says_that_the_parent_follows(ns1: AgentUnderTest) -> None:
    item = zone(dnssec=True)
    with _short_lives(ns1):
        ns1.make(item)
        first = _facts(ns1, item)
        assert (len(first["ds"]), first["cds"]) == (1, first["ds"])
        assert ns1.ask(op="ds_seen", names=[item.name])["zones"] == {item.name: True}
        assert ns1.ask(op="ds_seen", names=[item.name, "other.test"])["zones"] == {
            item.name: False,
            "other.test": False,
        }
        ns1.run("knotc", "zone-key-rollover", item.name, "ksk")
        wait_until(lambda: _facts(ns1, item)["cds"] not in ([], first["cds"]))
        rolling = _facts(ns1, item)
        assert set(first["ds"]) < set(rolling["ds"]), "both are there until the parent has the new one"
        assert ns1.ask(op="ds_seen", names=[item.name])["zones"] == {item.name: True}
        wait_until(lambda: _facts(ns1, item)["ds"] == rolling["cds"])
        assert answers(ns1, f"www.{item.name}")
    ns1.make(Gone(kind="zone", id=item.id, generation=2, purge=True))


def _child(parent: Zone) -> Zone:
    name = f"_acme-challenge.{parent.name}"
    records = tuple(one for one in zone().records if one.type == "NS")
    return zone(name=name, updates=f"cis-dyn-{new_id()[:8]}", update_key=SECRET, records=records)


def _update(agent: AgentUnderTest, item: Zone, *, zone: str = "", secret: str = "", **asked: Any) -> dns.rcode.Rcode:
    """Ask for a change as a program does that holds the key."""
    key = secret or item.update_key
    change = dns.update.UpdateMessage(
        zone or item.name, keyring=dns.tsigkeyring.from_text({item.updates: key}), keyalgorithm="hmac-sha256"
    )
    for what, values in (asked or {"add": ("@", 60, "TXT", '"token"')}).items():
        getattr(change, what)(*values)
    try:
        return dns.query.tcp(change, agent.target.node_address, timeout=5).rcode()
    except (dns.tsig.PeerError, dns.tsig.BadSignature):
        return dns.rcode.NOTAUTH


def _texts_of_secondary(servers: NameServers, item: Zone) -> list[str]:
    query = dns.message.make_query(item.name, "TXT")
    reply = dns.query.tcp(query, servers.secondary.state.address, timeout=5)
    return [str(one) for found in reply.answer if found.rdtype == dns.rdatatype.TXT for one in found]


def _facts(agent: AgentUnderTest, item: Zone) -> dict[str, Any]:
    told: dict[str, Any] = agent.ask(op="zones", names=[item.name])["zones"][item.name]
    return told


def _is_served(agent: AgentUnderTest, item: Zone) -> bool:
    reply = agent.ask(op="keys", kind="zone", shards=[item.id[-2:]])
    return bool(reply["items"][item.id]["served"])


@contextmanager
def _short_lives(agent: AgentUnderTest) -> Iterator[None]:
    """Times of signed zones so short that a key takes over within seconds."""
    had = {
        line.split(" = ")[0]: line.split(" = ")[1] for line in agent.run("knotc", "conf-read", "policy").splitlines()
    }
    short = {"dnskey-ttl": "1", "zone-max-ttl": "1", "propagation-delay": "1"}
    items = {f"policy[cis-signed].{item}": value for item, value in short.items()}
    _configure(agent, [f"conf-set {item} {value}" for item, value in items.items()])
    try:
        yield
    finally:
        _configure(agent, [f"conf-set {item} {had[item]}" if item in had else f"conf-unset {item}" for item in items])


def _configure(agent: AgentUnderTest, lines: list[str]) -> None:
    agent.run("knotc", stdin="\n".join(["conf-begin", *lines, "conf-commit", ""]))
