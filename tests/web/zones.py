"""Zones in every state, for pages: rows as the actions leave them, without name servers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from panel.dns.imports import ZoneImport
from panel.dns.models import ZONES, Zone, ZoneSet, ZoneVersion
from panel.dns.proofs import UNPROVEN, open_proofs
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.ledger import domain_names
from panel.ledger.domain_names import Claim
from panel.members.models import Member
from tests.worlds import World

_TIMES = {"soa_refresh": 3600, "soa_retry": 900, "soa_expire": 1_209_600, "soa_minimum": 300, "soa_ttl": 3600}
_SERVERS = {"soa_mname": "ns1.wokiss.pl.", "soa_rname": "hostmaster.info.wokiss.pl."}
_SETS: list[tuple[str, str, list[str], dict[str, Any]]] = [
    ("@", "NS", ["ns1.wokiss.pl.", "ns2.wokiss.pl."], {}),
    ("@", "A", ["192.0.2.10"], {}),
    ("@", "MX", ["20 poczta.innafirma.pl."], {}),
    ("ftp", "CNAME", ["stary.koscian.pl."], {}),
    ("poczta", "MX", ["10 mail1.test."], {"source": "mail:0195fd10-0000-7000-8000-000000000000"}),
    ("poczta", "TXT", [], {"source": "mail:0195fd10-0000-7000-8000-000000000000", "overridden": True}),
    ("_acme-challenge.bardzo.dluga.nazwa.hosta", "TXT", [f'"{"x" * 200}"'], {}),
]
_OLD, _NEW = [3600, ["192.0.2.9"]], [3600, ["192.0.2.10"]]
_CHANGES: list[list[Any]] = [["@", "A", None, _OLD], ["@", "A", _OLD, _NEW]]


def fill_zones(world: World) -> None:
    """One zone that works, with two versions, one that waits for proof, one removed, one that leaves DNSSEC."""
    now, ds = utcnow(), [f"12345 13 2 {'AB' * 32}"]
    seen = {"sent_generation": 1, "applied_generation": 1, "seen_generation": 1, "seen_at": now}
    works = _zone(world, world.koscian, "koscian.pl", version=2, seen_version=2, serial=2026112301, ds=ds,
                  answers={"ns1": 2026112301, "ns2": None}, **seen)  # fmt: skip
    waits = _zone(world, world.koscian, "xn--kocian-4ib.pl")
    removed = _zone(world, world.koscian, "dawna.pl", **seen)
    _zone(world, world.smigiel, "smigiel.pl", leaving=True, parent_ds="mismatch", ds=ds)
    _zone(world, None, "wokiss.pl")
    with unit_of_work():
        removed.change(want="remove", removed_at=now, purge_at=now + timedelta(days=30))
        waits.hold(UNPROVEN)
        open_proofs([(waits.id, world.koscian.id, waits.name)])
        for name, type_, values, more in _SETS:
            db.session.add(ZoneSet(zone_id=works.id, name=name, type=type_, ttl=3600, values=values, **more))
        for number, change in enumerate(_CHANGES, start=1):
            who = {"actor": "user:x", "actor_name": "Anna Nowak", "comment": "nowy serwer WWW"}
            db.session.add(ZoneVersion(zone_id=works.id, number=number, generation=1, changes=[change], **who))
        refusal = {"file": "koscian.zone", "line": 3, "code": "value_a", "params": {}}
        db.session.add(
            ZoneImport(member_id=world.koscian.id, zone_id=works.id, version=2, name="koscian.pl", way="files",
                       actor="user:x", actor_name="Anna Nowak", sets=[["www", "A", 3600, ["192.0.2.3"]]],
                       refusals=[refusal], notes=[])
        )  # fmt: skip


def _zone(world: World, member: Member | None, name: str, **more: Any) -> Zone:
    with unit_of_work():
        zone = Zone(
            id=new_id(), member_id=member and member.id, node_id=world.node.id, name=name, **_TIMES, **_SERVERS, **more
        )
        db.session.add(zone)
        claim = Claim(name=name, holder_id=zone.id, member_id=zone.member_id, proven=True)
        domain_names.claim(ZONES, [claim], kind="zone")
    return zone
