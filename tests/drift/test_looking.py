"""What a look at a node finds, and what it says of it."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from panel.engine.repair import no_repair, overwrite
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kinds import KINDS
from panel.ledger.events import Event
from panel.mail.actions import rename_mailbox, set_quota, suspend_mailbox
from panel.mail.models import Alias
from provisioning.probes.findings import NotSeen
from provisioning.resources import COMPARED
from tests.drift.panel import PASSWORD, Drifting
from tests.worlds import SHARED


def test_a_node_as_it_should_be_shows_nothing_and_is_asked_once(drifting: Drifting) -> None:
    drifting.box("a", password=PASSWORD)
    drifting.box("b")
    suspend_mailbox(SYSTEM, drifting.box("c", password=PASSWORD).id)
    rename_mailbox(SYSTEM, drifting.box("d").id, address=f"e@{SHARED}")
    drifting.engine.ring()
    drifting.agent.requests.clear()
    assert drifting.check() == []
    assert drifting.agent.ops() == ["survey"]
    assert drifting.node().drift_checked_at is not None
    assert drifting.node().drift_differing == 0


def test_both_ends_spell_every_kind_in_the_same_order() -> None:
    named = {kind.name: tuple(kind.comparison.columns) for kind in KINDS if kind.comparison is not None}
    assert named == {name: fields for name, fields in COMPARED.items() if name in named}


def test_a_changed_field_is_found_with_both_values(drifting: Drifting) -> None:
    box = drifting.box("a", quota_mb=100)
    drifting.agent.edit("mailbox", box.id, quota_mb=999)
    found = drifting.only()
    assert (found.kind, found.resource_id, found.name, found.what) == ("mailbox", box.id, box.address, "different")
    assert found.differs == ["quota_mb"]
    assert found.wanted is not None
    assert found.found is not None
    assert (found.wanted["quota_mb"], found.found["quota_mb"]) == (100, 999)
    assert drifting.node().drift_differing == 1
    box = drifting.fresh(box)
    assert (box.state, box.problem_code, box.problem_message) == ("drifted", "drift_different", "quota_mb")


def test_another_password_is_told_without_any_hash(drifting: Drifting) -> None:
    box = drifting.box("a", password=PASSWORD)
    other = "{SHA512-CRYPT}$6$saltsalt$" + "a" * 86
    drifting.agent.edit("mailbox", box.id, password_hash=other)
    found = drifting.only()
    assert found.differs == ["password_hash"]
    assert "password_hash" not in (found.wanted or {}) | (found.found or {})
    assert other not in repr(found.__dict__ | {"secrets": None})
    assert drifting.fresh(box).problem_message == "password"


def test_what_is_missing_unserved_or_of_another_generation_is_found(drifting: Drifting) -> None:
    missing, unserved, older = (drifting.box(name) for name in "abc")
    del drifting.agent.bodies["mailbox", str(missing.id)]
    drifting.agent.gone["mailbox", str(missing.id)] = 7
    drifting.agent.unserved.add(("mailbox", str(unserved.id)))
    drifting.agent.edit("mailbox", older.id, generation=5, quota_mb=7)
    found = {one.resource_id: one for one in drifting.check()}
    assert {one.what for one in found.values()} == {"missing", "not_served", "different"}
    assert found[missing.id].found_generation == 7
    assert found[older.id].found_generation == 5


def test_another_generation_alone_is_found_too(drifting: Drifting) -> None:
    first, second = drifting.box("a"), drifting.box("b")
    drifting.agent.edit("mailbox", first.id, generation=5)
    (found,) = drifting.check()
    assert (found.resource_id, found.what, found.found_generation) == (first.id, "stale_generation", 5)
    overwrite(SYSTEM, found.id)
    drifting.engine.ring()
    assert drifting.open(None) == []
    assert [drifting.fresh(box).wanted_generation for box in (first, second)] == [6, 1]


def test_what_only_the_node_has_is_found_by_its_name(drifting: Drifting) -> None:
    drifting.box("a")
    stranger = str(uuid.uuid4())
    body = {"address": f"obcy@{SHARED}", "login": "waiting", "password_hash": None, "quota_mb": 5}
    drifting.agent.bodies["mailbox", stranger] = {"id": stranger, "generation": 3, **body}
    drifting.agent.bodies["mailbox", "zz"] = {"id": "zz", "generation": 1, **body, "address": f"reka@{SHARED}"}
    drifting.agent.foreign.append({"map": "aliases", "key": "x@y.example", "value": "z@y.example"})
    drifting.agent.files["postfix/main.cf"] = False
    found = {one.name: one for one in drifting.check()}
    assert {name: one.what for name, one in found.items()} == {
        f"obcy@{SHARED}": "only_here",
        f"reka@{SHARED}": "only_here",
        "x@y.example": "foreign",
        "postfix/main.cf": "file",
    }
    assert found[f"obcy@{SHARED}"].resource_id == uuid.UUID(stranger)
    assert found[f"reka@{SHARED}"].resource_id is None


def test_whatever_stands_on_a_node_can_be_told(drifting: Drifting) -> None:
    box = drifting.box("a")
    drifting.agent.edit("mailbox", box.id, quota_mb="\x00\x1b[2J \ud800", generation=2**60)
    odd = {"generation": 1, "address": "a\r\nDATA\x00", "login": "\ud800", "password_hash": None, "quota_mb": -1}
    stranger = str(uuid.uuid4())
    for id_ in (stranger, "\x00\ud800", "x" * 5000):
        drifting.agent.bodies["mailbox", id_] = {"id": id_, **odd}
    drifting.agent.foreign.append({"map": "aliases", "key": "\x00" + "y" * 9000, "value": "\udfff"})
    found = drifting.check()
    assert sorted(one.what for one in found) == ["different", "foreign", "only_here", "only_here", "only_here"]
    assert all(one.name.isprintable() and one.key.isprintable() for one in found)
    assert all(str(value).isprintable() for one in found for value in (one.found or {}).values())
    (stood,) = (one for one in found if one.resource_id == uuid.UUID(stranger))
    assert no_repair(stood) == "repair_bad_id"
    assert len(drifting.check()) == 5


def test_an_alias_and_a_domain_are_compared_too(drifting: Drifting) -> None:
    box = drifting.box("a")
    rename_mailbox(SYSTEM, box.id, address=f"b@{SHARED}")
    drifting.engine.ring()
    alias = db.session.scalars(select(Alias)).one()
    drifting.agent.edit("alias", alias.id, target=f"zly@{SHARED}")
    drifting.agent.edit("mail_domain", drifting.world.domain.id, name="inna.example")
    assert {(one.kind, tuple(one.differs)) for one in drifting.check()} == {
        ("alias", ("target",)),
        ("mail_domain", ("name",)),
    }


def test_what_is_on_its_way_is_no_difference(drifting: Drifting) -> None:
    box = drifting.box("a", quota_mb=100)
    drifting.engine.looker.hidden[str(box.id)] = NotSeen("refused", "later")
    set_quota(SYSTEM, box.id, quota_mb=200)
    drifting.engine.ring()
    drifting.agent.edit("mailbox", box.id, quota_mb=999)
    assert drifting.check() == []
    assert drifting.fresh(box).problem_code == "not_seen_refused"


def test_a_difference_that_is_gone_is_resolved_and_the_resource_works_again(drifting: Drifting) -> None:
    box = drifting.box("a", quota_mb=100)
    drifting.agent.edit("mailbox", box.id, quota_mb=999)
    first = drifting.only()
    again = drifting.only()
    assert again.id == first.id
    drifting.agent.edit("mailbox", box.id, quota_mb=100)
    assert drifting.check() == []
    assert drifting.open("resolved")[0].id == first.id
    assert drifting.fresh(box).state == "active"
    assert drifting.node().drift_differing == 0
    tags = [
        event.tag for event in db.session.scalars(select(Event).where(Event.resource_id == box.id).order_by(Event.id))
    ]
    assert tags[-2:] == ["drift:difference:found", "drift:difference:resolve"]
