"""A world that has name servers and contracts for zones."""

from __future__ import annotations

from panel.dns.actions import Changed, NewZone, Wanted, create_zones
from panel.dns.models import ZoneVersion
from panel.kernel.access import SYSTEM
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node, record_enrolment
from panel.members.models import Member
from tests.worlds import World, grant

ZONE = "koscian.pl"


def name_servers(world: World) -> tuple[Node, Node]:
    """A primary and a secondary on record, and a hundred zones granted to the first member."""
    grant(world.koscian, zones=100)
    return name_server("ns1", "dns_primary", "192.0.2.21"), name_server("ns2", "dns_secondary", "192.0.2.22")


def name_server(name: str, role: str, address: str) -> Node:
    """A name server as enrolment records it."""
    return record_enrolment(
        SYSTEM,
        name=name,
        address=address,
        ssh_port=22,
        hostname=f"{name}.wokiss.pl",
        roles=[role],
        host_key=f"ssh-ed25519 {name}",
        fingerprint="SHA256:none",
        certificate="",
        agent_version="test",
        release="12",
        versions={},
    )


def zone_of(member: Member, name: str = ZONE, *sets: Wanted) -> Changed:
    """A zone that staff made, so that its name needs no proof."""
    (made,) = create_zones(SYSTEM, zones=[NewZone(member_id=member.id, name=name, sets=sets)], accept_warnings=True)
    return made


def version_of(changed: Changed) -> ZoneVersion:
    """The version that a change made."""
    assert changed.version is not None
    return changed.version


def job_of(changed: Changed) -> Job:
    """The job that a change asked for."""
    assert changed.job is not None
    return changed.job


def a(name: str, *values: str, ttl: int | None = None) -> Wanted:
    """What one wants of the A records of a name."""
    return Wanted(name=name, type="A", ttl=ttl, values=values)
