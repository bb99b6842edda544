"""Questions of rights over zones that today's roles all answer alike, asked by people made for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from panel.dns.actions import create_zone
from panel.dns.finding import zones_query
from panel.dns.following import may_point
from panel.dns.models import ZONES
from panel.dns.owning import name_faults
from panel.kernel.access import SYSTEM, Actor, Reach
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import NotAllowed
from panel.ledger.names import note_release
from panel.members.models import Member
from tests.worlds import World, actor, grant

pytestmark = pytest.mark.one_database


def test_only_zones_in_reach_are_listed(world: World) -> None:
    for member in (world.koscian, world.smigiel):
        grant(member, zones=5)
    owners = {"koscian.test": world.koscian.id, "smigiel.test": world.smigiel.id, "wokiss.test": None}
    for name, owner in owners.items():
        create_zone(SYSTEM, member_id=owner, name=name)
    listed = db.session.scalars(zones_query(world.member_admin(world.koscian))).all()
    assert [zone.name for zone in listed] == ["koscian.test"]


def test_into_the_associations_reverse_zones_writes_only_who_may_write_everywhere(world: World) -> None:
    create_zone(SYSTEM, member_id=None, name="2.0.192.in-addr.arpa")
    assert not may_point(_holding("dns:write", world.koscian), ["192.0.2.1"])
    assert may_point(actor("provisioner"), ["192.0.2.1"])


def test_a_token_for_mailboxes_makes_no_zones(world: World) -> None:
    grant(world.koscian, zones=5)
    with pytest.raises(NotAllowed):
        create_zone(replace(SYSTEM, kinds=frozenset({"mailboxes"})), member_id=world.koscian.id, name="koscian.test")


def test_who_vouches_for_one_member_does_not_for_the_association(world: World) -> None:
    with unit_of_work():
        note_release(ZONES, "gmina.test", member_id=world.smigiel.id)
    asked = [(None, "gmina.test")]
    (fault,) = name_faults(_holding("dns:vouch", world.koscian), asked, reasons=["x"]).values()
    assert fault.code == "name_released"
    assert not name_faults(SYSTEM, asked, reasons=["x"])


def _holding(permission: str, member: Member) -> Actor:
    reach = Reach(permissions=frozenset({permission}), member_ids=frozenset({member.id}))
    return Actor(ref="user:odd", name="odd", grants=(reach,))
