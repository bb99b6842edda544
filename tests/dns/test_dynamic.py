"""Child zones that programs change: made, keyed, read back, taken away; and keys that roll."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from sqlalchemy import func, select, update

from panel.dns import actions, parents
from panel.dns.asks import ask_of
from panel.dns.desired import zone_item
from panel.dns.dynamic import (
    Opened,
    challenge_zone,
    close_updates,
    key_of,
    open_updates,
    renew_key,
    revoke_key,
    update_zones,
)
from panel.dns.dynamic_keys import ZoneKey
from panel.dns.dynamic_reading import keep_updates, updates_due
from panel.dns.holding import sets_of
from panel.dns.models import Zone, ZoneSet, ZoneVersion
from panel.dns.parents import ask_parents, judged_ds
from panel.dns.rolling import ds_seen_due, keep_ds_seen
from panel.dns.signing import keep_facts, set_dnssec
from panel.engine.conditions import conditions
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger import usage
from panel.ledger.events import Event
from provisioning import resources
from provisioning.resources import Gone
from tests.dns.worlds import ZONE, a, zone_of
from tests.worlds import World

CHILD = f"_acme-challenge.{ZONE}"
DS = [f"{tag} 13 2 {digit * 64}" for tag, digit in ((11111, "a"), (22222, "b"), (33333, "c"))]
SERVERS = ("ns1.wokiss.pl.", "ns2.wokiss.pl.")


def test_a_child_zone_has_a_key_of_its_own_and_the_zone_above_hands_over_to_it(world: World) -> None:
    parent = zone_of(world.koscian).zone
    had = usage.used(world.koscian.id)["zones"]
    opened = open_updates(world.member_admin(world.koscian), zone_id=parent.id, host="*.www")
    child = opened.zone
    assert (child.name, child.member_id, child.dnssec) == (f"_acme-challenge.www.{ZONE}", world.koscian.id, True)
    assert (opened.key, opened.server, opened.secret in repr(opened)) == (child.updates, "ns1.wokiss.pl", False)
    assert len(base64.b64decode(opened.secret)) == 32
    assert _kept(parent) == {("_acme-challenge.www", "NS"): (f"zone:{child.id}", SERVERS)}
    item = _item(child)
    assert (item.updates, item.update_key, opened.secret in repr(item)) == (opened.key, opened.secret, False)
    assert ask_of(item, None).sets == (), "only programs know what it holds"
    assert usage.used(world.koscian.id)["zones"] == had, "it is no zone that a contract grants"
    sealed = _key(child).sealed
    assert opened.secret not in sealed
    told = db.session.scalars(select(Event.tag).where(Event.resource_id == child.id)).all()
    assert told == ["dns:zone:create"]

    for host, code in (("www", "occupied"), ("www.other.pl.", "name_outside"), ("_acme-challenge.www", "occupied")):
        with pytest.raises((Conflict, Invalid), match=code):
            open_updates(SYSTEM, zone_id=parent.id, host=host)
    with pytest.raises(Conflict, match="zone_updates"):
        open_updates(SYSTEM, zone_id=child.id)
    with pytest.raises(Conflict, match="zone_updates"):
        actions.change_zone(SYSTEM, zone_id=child.id, changes=[a("x", "192.0.2.1")])
    with pytest.raises(NotFound):
        open_updates(world.member_admin(world.smigiel), zone_id=parent.id, host="ftp")
    with pytest.raises(Conflict, match="no_updates"):
        renew_key(SYSTEM, zone_id=parent.id)
    assert [one.zone.name for one in update_zones(SYSTEM, zone_id=parent.id)] == [child.name]

    db.session.expire_all()
    assert challenge_zone(SYSTEM, host=f"*.www.{ZONE}").id == child.id
    assert challenge_zone(SYSTEM, host=ZONE).name == CHILD
    with pytest.raises(NotFound):
        challenge_zone(SYSTEM, host="nobody.pl")


def test_another_key_takes_its_place_and_nobody_has_a_revoked_one(world: World) -> None:
    opened = _opened(world)
    child = opened.zone
    again = renew_key(SYSTEM, zone_id=child.id)
    assert again.key not in (opened.key, "")
    assert again.secret != opened.secret
    assert (_item(child).update_key, child.wanted_generation, child.version) == (again.secret, 2, 2)
    assert _item(child).digest() != resources.Zone.digest_of(str(child.id), {"name": child.name, "content": ""})
    revoke_key(SYSTEM, zone_id=child.id)
    key = key_of(SYSTEM, zone_id=child.id)
    assert key is not None
    assert key.revoked
    assert _item(child).update_key not in (opened.secret, again.secret)
    renew_key(SYSTEM, zone_id=child.id)
    assert not _key(child).revoked

    parent = db.session.scalars(select(Zone).where(Zone.name == ZONE)).one()
    close_updates(SYSTEM, zone_id=child.id)
    assert (child.want, _kept(parent), db.session.scalar(select(func.count(ZoneKey.zone_id)))) == ("purge", {}, 0)
    from_panel = zone_item(child)
    assert isinstance(from_panel, Gone)
    assert from_panel.purge
    assert open_updates(SYSTEM, zone_id=parent.id).zone.name == CHILD, "the name is free again"


def test_a_zone_that_is_removed_is_handed_over_to_no_more_and_comes_back_with_it(world: World) -> None:
    child = _opened(world).zone
    parent = db.session.scalars(select(Zone).where(Zone.name == ZONE)).one()
    actions.remove_zone(SYSTEM, zone_id=child.id)
    assert _kept(parent) == {}
    actions.restore_zone(SYSTEM, zone_id=child.id)
    assert _kept(parent).keys() == {("_acme-challenge", "NS")}


@pytest.mark.one_database
def test_other_records_in_its_place_are_told_and_nothing_is_made(world: World) -> None:
    parent = zone_of(world.koscian).zone
    text = actions.Wanted(name="_acme-challenge", type="TXT", ttl=None, values=['"x"'])
    actions.change_zone(SYSTEM, zone_id=parent.id, changes=[text])
    with pytest.raises(Conflict, match="updates_occupied"):
        open_updates(SYSTEM, zone_id=parent.id)
    assert db.session.scalar(select(func.count(Zone.id)).where(Zone.name == CHILD)) == 0


def test_what_programs_changed_is_read_back_change_by_change(world: World) -> None:
    opened = _opened(world)
    child, node = opened.zone, opened.zone.placed()
    assert updates_due(node) == {}, "it is not served yet"
    _set(child, seen_generation=1, applied_generation=1, seen_version=1)
    assert updates_due(node) == {CHILD: None}
    ns = ["@", "NS", 3600, list(SERVERS)]
    _told(world, node, serial=10, records=[ns], changes=None)
    assert (child.version, updates_due(node), child.serial) == (1, {}, 10)
    assert _key(child).serial == 10

    one, two = ["@", "TXT", 60, '"one"'], ["@", "TXT", 60, '"two; \\"x\\""']
    steps: list[dict[str, Any]] = [
        {"serial": 11, "removed": [], "added": [one]},
        {"serial": 12, "removed": [], "added": [two]},
        {"serial": 13, "removed": [one], "added": []},
    ]
    now = ["@", "TXT", 60, [two[3]]]
    _told(world, node, serial=13, records=[ns, now], changes=steps)
    assert (child.version, child.seen_version, child.wanted_generation) == (4, 4, 1)
    versions = db.session.scalars(
        select(ZoneVersion).where(ZoneVersion.serial.is_not(None)).order_by(ZoneVersion.number)
    )
    assert [(one.serial, one.actor, one.changes[0][3]) for one in versions] == [
        (11, f"key:{opened.key}", [60, [one[3]]]),
        (12, f"key:{opened.key}", [60, [one[3], two[3]]]),
        (13, f"key:{opened.key}", [60, [two[3]]]),
    ]
    assert [one.values for one in sets_of([child.id])[child.id] if one.type == "TXT"] == [(two[3],)]
    assert _item(child).content == child.digest, "what programs put there is compared with nothing"
    _told(world, node, serial=13, records=[ns, now], changes=[])
    assert child.version == 4
    _told(world, node, serial=90, records=[ns], changes=None)
    assert (child.version, child.serial) == (5, 90), "what nobody knows singly is one change"
    bad: dict[str, Any] = {"zones": {CHILD: {"serial": 1, "records": 7, "changes": None}}}
    with pytest.raises(TypeError):
        keep_updates(SYSTEM, node, [CHILD], bad)
    with pytest.raises(NotAllowed):
        keep_updates(world.member_admin(world.koscian), node, [CHILD], bad)


def test_the_zone_above_names_the_keys_of_a_zone_below(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    child = _opened(world).zone
    parent = db.session.scalars(select(Zone).where(Zone.name == ZONE)).one()
    plain = zone_of(world.koscian, f"bip.{ZONE}").zone
    for zone in (parent, child, plain):
        _set(zone, seen_generation=1, applied_generation=1)
    _keys(child, DS[:1], DS[0])
    _keys(plain, DS[:1], DS[0])
    assert _kept(parent)["_acme-challenge", "DS"] == (f"zone:{child.id}", (DS[0],))
    assert ("bip", "DS") not in _kept(parent), "nobody has handed over to it"
    ns = actions.Wanted(name="bip", type="NS", ttl=None, values=SERVERS)
    actions.change_zone(SYSTEM, zone_id=parent.id, changes=[ns], accept_warnings=True)
    assert _kept(parent)["bip", "DS"] == (f"zone:{plain.id}", (DS[0],))

    asked: list[tuple[str, str]] = []
    answers: dict[str, frozenset[str]] = {}

    def answer(address: str, name: str) -> frozenset[str] | None:
        asked.append((address, name))
        return answers.get(name)

    monkeypatch.setattr(parents, "our_ds", answer)
    answers[child.name] = frozenset(DS[:1])
    assert ask_parents(SYSTEM) == 1
    assert ("192.0.2.21", child.name) in asked, "the parent is ours: our own primary is asked, without resolvers"
    assert (_fresh(child).parent_ds, ds_seen_due(child.placed())) == ("match", []), (
        "others remember the DS before for a day"
    )
    _set(child, parent_since=database_now(-25 * 3_600))
    assert ds_seen_due(child.placed()) == [child.name]
    keep_ds_seen(SYSTEM, child.placed(), [child.name], {"zones": {child.name: False}})
    assert (child.confirmed_ds, ds_seen_due(child.placed())) == (DS[0], [])

    _keys(child, DS[:2], DS[1])
    assert _kept(parent)["_acme-challenge", "DS"][1] == (DS[1],), "the new key's, at once"
    assert _fresh(child).parent_asked_at is None
    assert ask_parents(SYSTEM) >= 1
    assert _fresh(child).parent_ds == "rolling"
    assert _codes() == []
    _set(child, parent_since=database_now(-3 * 86_400))
    assert _codes() == ["ds_awaited"]
    answers[child.name] = frozenset(DS[1:2])
    _set(child, parent_asked_at=None)
    ask_parents(SYSTEM)
    _set(child, parent_since=database_now(-25 * 3_600))
    keep_ds_seen(SYSTEM, child.placed(), ds_seen_due(child.placed()), {"zones": {child.name: False}})
    assert ds_seen_due(child.placed()) == [child.name], "two keys: one must be waiting, so it is told again"
    keep_ds_seen(SYSTEM, child.placed(), [child.name], {"zones": {child.name: True}})
    assert (child.confirmed_ds, _codes()) == (DS[1], [])
    assert judged_ds(DS[:2], DS[2:], DS[1:2]) == "mismatch"

    set_dnssec(SYSTEM, zone_id=plain.id, enabled=False)
    assert ("bip", "DS") not in _kept(parent), "it asks the parent to take it away"


def _opened(world: World) -> Opened:
    return open_updates(SYSTEM, zone_id=zone_of(world.koscian).zone.id)


def _item(zone: Zone) -> resources.Zone:
    item = zone_item(zone)
    assert isinstance(item, resources.Zone)
    return item


def _key(zone: Zone) -> ZoneKey:
    key = key_of(SYSTEM, zone_id=zone.id)
    assert key is not None
    return key


def _kept(zone: Zone) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """What is kept in a zone: its source and values."""
    query = select(ZoneSet).where(ZoneSet.zone_id == zone.id, ZoneSet.source != "")
    rows = db.session.scalars(query.execution_options(populate_existing=True))
    return {(row.name, row.type): (row.source, tuple(row.values)) for row in rows}


def _keys(zone: Zone, ds: list[str], wanted: str) -> None:
    facts = {"serial": 7, "ds": ds, "cds": [wanted.upper()], "expires_at": None}
    keep_facts(SYSTEM, zone.placed(), [zone.name], {"zones": {zone.name: facts}})
    db.session.refresh(zone)


def _told(world: World, node: Any, **told: Any) -> None:
    keep_updates(SYSTEM, node, [CHILD], {"zones": {CHILD: told}})
    db.session.expire_all()


def _set(zone: Zone, **values: Any) -> None:
    with unit_of_work():
        db.session.execute(update(Zone).where(Zone.id == zone.id).values(**values))
    db.session.refresh(zone)


def _fresh(zone: Zone) -> Zone:
    db.session.refresh(zone)
    return zone


def _codes() -> list[str]:
    zones = {"ds_awaited", "ds_mismatch", "signatures_expiring"}
    return [one.code for one in conditions() if one.code in zones]
