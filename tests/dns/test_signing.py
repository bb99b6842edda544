"""DNSSEC: on, off the safe way, what primaries and parents tell of it, and who is told when it goes wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from panel.dns import actions, parents
from panel.dns.models import Zone
from panel.dns.parents import ask_parents, judged_ds
from panel.dns.signing import facts_due, finish_leaving, keep_facts, set_dnssec
from panel.engine.conditions import conditions
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed
from panel.members.grading import set_grade
from tests.dns.worlds import ZONE, a, version_of, zone_of
from tests.worlds import World

OURS = "12345 13 2 " + "ab" * 32
OTHER = "54321 13 2 " + "cd" * 32


def test_signing_ends_only_when_the_world_has_forgotten_the_ds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = _seen_zone(world)
    begun = set_dnssec(SYSTEM, zone_id=zone.id, enabled=False)
    assert (zone.dnssec, zone.leaving, version_of(begun).settings) == (True, True, {"leaving": [False, True]})
    with pytest.raises(Conflict, match="ds_at_parent"):
        set_dnssec(SYSTEM, zone_id=zone.id, enabled=False)
    assert finish_leaving(SYSTEM) == 0
    _set(zone, parent_ds="absent", parent_since=database_now(-3_600))
    assert finish_leaving(SYSTEM) == 0, "resolvers remember a DS for a day"
    _set(zone, parent_since=database_now(-25 * 3_600))
    assert finish_leaving(SYSTEM) == 1
    db.session.refresh(zone)
    assert (zone.dnssec, zone.leaving, zone.version) == (False, False, 3)
    back = set_dnssec(SYSTEM, zone_id=zone.id, enabled=True)
    assert (version_of(back).number, zone.digest) == (4, version_of(back).digest)
    assert set_dnssec(SYSTEM, zone_id=zone.id, enabled=True).version is None


@pytest.mark.one_database
def test_staff_may_end_it_at_once_with_a_reason(world: World) -> None:
    zone = _seen_zone(world)
    own = world.member_admin(world.koscian)
    with pytest.raises(NotAllowed):
        set_dnssec(own, zone_id=zone.id, enabled=False, force=True, reason="The registrar does not answer")
    with pytest.raises(Invalid, match="reason_short"):
        set_dnssec(SYSTEM, zone_id=zone.id, enabled=False, force=True, reason="so")
    set_dnssec(SYSTEM, zone_id=zone.id, enabled=False, force=True, reason="The registrar does not answer")
    assert (zone.dnssec, zone.leaving) == (False, False)


def test_what_the_primary_tells_is_kept_and_alarms_where_it_is_bad(world: World) -> None:
    zone = _seen_zone(world)
    assert facts_due(zone.placed()) == [ZONE]
    soon = (utcnow() + timedelta(days=5)).isoformat()
    keep_facts(SYSTEM, zone.placed(), [ZONE], {"zones": {ZONE: {"serial": 7, "ds": [OURS], "expires_at": soon}}})
    db.session.refresh(zone)
    assert (zone.ds, facts_due(zone.placed()), _codes()) == ([OURS], [], ["signatures_expiring"])
    late = (utcnow() + timedelta(days=6)).isoformat()
    keep_facts(SYSTEM, zone.placed(), [ZONE], {"zones": {ZONE: {"serial": 7, "ds": [OURS], "expires_at": late}}})
    assert _codes() == []
    _set(zone, parent_ds="mismatch")
    assert _codes() == ["ds_mismatch"]
    for bad in (
        {},
        {"zones": {ZONE: {"ds": ["x"], "expires_at": None}}},
        {"zones": {ZONE: {"ds": [], "expires_at": 5}}},
    ):
        with pytest.raises((KeyError, TypeError, ValueError)):
            keep_facts(SYSTEM, zone.placed(), [ZONE], bad)


def test_parents_are_asked_where_resolvers_are_set_and_only_then(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = _seen_zone(world)
    _set(zone, facts_at=database_now(), ds=[OURS])
    told: list[Any] = [None]
    monkeypatch.setattr(parents, "parent_ds", lambda _settings, _name: told[0])
    assert ask_parents(SYSTEM) == 0
    object.__setattr__(world.app.config["CIS"], "resolvers", "192.0.2.53")
    assert (ask_parents(SYSTEM), _parent(zone)) == (0, ""), "nobody answered"
    for theirs, state in (({OTHER}, "mismatch"), ({OTHER, OURS.upper()}, "match"), (set(), "absent")):
        told[0] = frozenset(theirs)
        _set(zone, parent_asked_at=None)
        assert (ask_parents(SYSTEM), _parent(zone)) == (1, state)
    assert ask_parents(SYSTEM) == 0, "not again before its time"
    assert judged_ds([OURS], [OURS.replace("ab" * 32, "AB" * 16 + " " + "AB" * 16)]) == "match"


@pytest.mark.one_database
def test_zones_of_a_member_held_back_are_served_and_changed_by_staff_alone(world: World) -> None:
    zone, own = _seen_zone(world), world.member_admin(world.koscian)
    for grade, may in (("no_new", True), ("no_login", False), ("closed", False), (None, True)):
        generation = zone.wanted_generation
        set_grade(SYSTEM, world.koscian.id, grade=grade, reason="Unpaid")
        assert zone.wanted_generation == generation, "servers are told nothing of grades"
        if may:
            actions.change_zone(own, zone_id=zone.id, changes=[a(f"w-{grade}".lower().replace("_", "-"), "192.0.2.1")])
        else:
            with pytest.raises(Conflict, match="member_held"):
                actions.change_zone(own, zone_id=zone.id, changes=[a("x", "192.0.2.1")])
            with pytest.raises(Conflict, match="member_held"):
                zone_of(world.koscian, "nowa.pl")
    set_grade(SYSTEM, world.koscian.id, grade="closed", reason="Unpaid")
    assert actions.put_set(SYSTEM, zone_id=zone.id, name="x", type="A", values=["192.0.2.1"]).version is not None


def _seen_zone(world: World) -> Zone:
    zone = zone_of(world.koscian).zone
    _set(zone, seen_generation=1, applied_generation=1, seen_version=1)
    return zone


def _set(zone: Zone, **values: Any) -> None:
    with unit_of_work():
        db.session.execute(update(Zone).where(Zone.id == zone.id).values(**values))
    db.session.refresh(zone)


def _parent(zone: Zone) -> str:
    return db.session.scalars(select(Zone.parent_ds).where(Zone.id == zone.id)).one()


def _codes() -> list[str]:
    return [one.code for one in conditions() if one.code in ("signatures_expiring", "ds_mismatch")]
