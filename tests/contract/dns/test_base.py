"""Whether the base of name servers is as set-up made it, and runs: both are told, whoever edits them by hand."""

from __future__ import annotations

from tests.contract.node import AgentUnderTest
from tests.nodes import NameServers

START, CONFIG, KEYS = "/etc/cis/knot.conf", "/etc/bind/named.conf", "/etc/bind/cis.keys"


def test_what_somebody_edits_in_the_base_of_knot_is_told(ns1: AgentUnderTest) -> None:
    assert ns1.ask(op="health")["daemons"] == {"knot": True}
    assert _files(ns1)[START]
    for item, edited, before in (
        ("policy[cis-signed].rrsig-lifetime", "conf-set {} 30d", "conf-set {} 21d"),
        ("acl[cis-transfer].address", "conf-set {} 192.0.2.1", "conf-unset {}"),
    ):
        _configure(ns1, edited.format(item))
        assert not _files(ns1)[START], item
        _configure(ns1, before.format(item))
        assert _files(ns1)[START], item
    ns1.run("sh", "-c", f"cp -p {START} /tmp/start; echo '# x' >> {START}")
    assert not _files(ns1)[START]
    ns1.run("sh", "-c", f"mv /tmp/start {START}")
    assert _files(ns1)[START]


def test_a_secondary_tells_of_bind_and_of_what_somebody_edits(name_servers: NameServers) -> None:
    ns2 = AgentUnderTest(name_servers.lab, name_servers.secondary)
    assert ns2.ask(op="health")["daemons"] == {"named": True}
    assert ns2.ask(op="hello", protocols=[5])["kinds"] == []
    for path in (CONFIG, KEYS):
        assert _files(ns2)[path]
        ns2.run("sh", "-c", f"cp -p {path} /tmp/kept; echo '// x' >> {path}")
        assert not _files(ns2)[path]
        ns2.run("sh", "-c", f"mv /tmp/kept {path}")
    ns2.run("chmod", "644", KEYS)
    assert not _files(ns2)[KEYS], "everybody could read the key"
    ns2.run("chmod", "640", KEYS)
    assert all(_files(ns2).values())


def _files(agent: AgentUnderTest) -> dict[str, bool]:
    files: dict[str, bool] = agent.ask(op="survey")["files"]
    return files


def _configure(agent: AgentUnderTest, line: str) -> None:
    agent.run("knotc", stdin=f"conf-begin\n{line}\nconf-commit\n")
