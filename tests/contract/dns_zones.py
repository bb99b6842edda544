"""Zones under the contract of every kind, and what a resolver would see of them."""

from __future__ import annotations

import time
from dataclasses import replace

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from provisioning.record_sets import RecordSet, Soa, in_order
from provisioning.resources import Zone
from tests.contract.kinds import KindUnderTest, Put
from tests.contract.node import AgentUnderTest, new_id

SOA = Soa(
    mname="ns1.lab.test.",
    rname="hostmaster.lab.test.",
    refresh=7200,
    retry=1800,
    expire=1_209_600,
    minimum=300,
    ttl=3600,
)
NAME_SERVER = RecordSet("@", "NS", 3600, ("ns1.lab.test.",))
_SECONDS = 5.0


def zone(*more: RecordSet, **fields: object) -> Zone:
    """Make a zone nobody has, with an address at `www`, but for ``fields``."""
    id_ = new_id()
    www = RecordSet("www", "A", 300, ("192.0.2.1",))
    values = {"id": id_, "generation": 1, "name": f"z{id_[:13]}.test", "soa": SOA, "dnssec": False}
    return Zone(**{**values, "records": in_order([NAME_SERVER, www, *more]), **fields})  # type: ignore[arg-type]  # tests give the right types


def changed(item: Zone, *more: RecordSet) -> Zone:
    """Return the next generation, with another address at `www` and these sets too."""
    number = item.generation % 250 + 2
    www = RecordSet("www", "A", 300, (f"192.0.2.{number}",))
    kept = [one for one in item.records if one.name != "www" and one.place not in {new.place for new in more}]
    return replace(item, generation=item.generation + 1, records=in_order([*kept, www, *more]))


def ask(agent: AgentUnderTest, name: str, type_: str = "A", *, dnssec: bool = False) -> dns.message.Message:
    """Ask the server itself."""
    query = dns.message.make_query(name, type_, want_dnssec=dnssec)
    query.flags &= ~dns.flags.RD
    answer, _ = dns.query.udp_with_fallback(query, agent.target.node_address, timeout=_SECONDS)
    return answer


def answers(agent: AgentUnderTest, name: str, type_: str = "A") -> list[str]:
    """What the server answers with authority to a question, sorted."""
    reply = ask(agent, name, type_)
    wanted = dns.rdatatype.from_text(type_)
    return sorted(str(one) for found in reply.answer if found.rdtype == wanted for one in found)


def serial(agent: AgentUnderTest, name: str) -> int:
    """The serial the server answers."""
    return int(answers(agent, name, "SOA")[0].split()[2])


def serves(agent: AgentUnderTest, item: Zone) -> bool:
    """Tell whether the server answers every set of the zone exactly."""
    if ask(agent, item.name, "SOA").rcode() == dns.rcode.REFUSED:
        return False
    return all(
        answers(agent, item.name if one.name == "@" else f"{one.name}.{item.name}", one.type) == list(one.values)
        for one in item.records
    )


class ZoneKind(KindUnderTest):
    """Zones on Knot. What is somebody else's is a zone in Knot's configuration whose file is not named after an id."""

    name = "zone"
    lock = "/run/cis-dns.lock"
    queue = "zone_todo"

    def new(self) -> Zone:
        return zone()

    def changed(self, item: Put) -> Put:
        assert isinstance(item, Zone)
        return changed(item)

    def served(self, item: Put) -> bool:
        assert isinstance(item, Zone)
        return serves(self.agent, item)

    def plant_foreign(self, item: Put) -> None:
        assert isinstance(item, Zone)
        self.agent.planted.append({"map": "knot", "key": item.name})
        settings = "".join(
            f"conf-set zone[{item.name}]{part}\n" for part in ("", ".template cis-unsigned", ".file foreign.zone")
        )
        self.agent.run("knotc", stdin=f"conf-begin\n{settings}conf-commit\n")

    def spoil(self, item: Put) -> None:
        assert isinstance(item, Zone)
        file, name = f"/var/lib/cis/zones/{item.id}.zone", item.name
        script = (
            f"touch -r {file} /tmp/times && sed -i 's/192.0.2/192.0.3/' {file} && chmod 644 {file}"
            f" && knotc -b zone-reload {name} && touch -r /tmp/times {file}"
        )
        self.agent.run("sh", "-c", script)

    def lose_row(self, item: Put) -> None:
        script = "import sqlite3, sys; db = sqlite3.connect('/var/lib/cis/mail/mail.sqlite', isolation_level=None); "
        script += "db.execute('DELETE FROM zone WHERE id = ?', sys.argv[1:])"
        self.agent.run("python3", "-c", script, item.id)

    def foreign_row(self, item: Put) -> dict[str, str]:
        assert isinstance(item, Zone)
        return {"map": "knot", "key": item.name, "value": "cis-unsigned foreign.zone"}

    def foreign_is_there(self, item: Put) -> bool:
        assert isinstance(item, Zone)
        settings = self.agent.run("knotc", "conf-read", "zone.file").splitlines()
        return f"zone[{item.name}.].file = foreign.zone" in settings


def wait_until(asked: object, seconds: float = 30.0) -> None:
    """Ask again and again until the answer is yes."""
    assert callable(asked)
    until = time.monotonic() + seconds
    while not asked():
        assert time.monotonic() < until
        time.sleep(0.03)
