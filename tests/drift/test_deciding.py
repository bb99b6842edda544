"""What people decide about differences: keep, adopt, overwrite; and that only a new look says it is so."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from panel.engine.drift import CHECK, adopt, check_when_due, differences_query, get_difference, keep, request_check
from panel.engine.repair import OVERWRITE, approve_repair, overwrite, repair_plan
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit, PanelError
from panel.ledger import usage
from panel.ledger.differences import Difference
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.ledger.orphans import Orphan
from panel.mail.actions import get_mailbox, remove_mailbox, set_quota
from panel.mail.models import Mailbox, MailDomain
from tests.drift.panel import PASSWORD, Drifting
from tests.worlds import SHARED, actor

OTHER_HASH = "{SHA512-CRYPT}$6$saltsalt$" + "a" * 86


def test_a_kept_difference_is_quiet_until_its_time_is_over(drifting: Drifting) -> None:
    box = _edited(drifting)
    keep(SYSTEM, drifting.only().id, reason="the county asked for it", until=utcnow() + timedelta(days=7))
    assert drifting.fresh(box).state == "active"
    assert drifting.check() == []
    assert (drifting.node().drift_differing, drifting.fresh(box).state) == (0, "active")
    with unit_of_work():
        db.session.execute(update(Difference).values(until=utcnow() - timedelta(seconds=5)))
    check_when_due(SYSTEM)
    (back,) = drifting.open()
    assert back.reason == "the county asked for it"
    assert drifting.node().drift_differing == 1


def test_a_kept_difference_comes_back_when_the_node_shows_something_else(drifting: Drifting) -> None:
    box = _edited(drifting)
    keep(SYSTEM, drifting.only().id, reason="as agreed", until=utcnow() + timedelta(days=7))
    drifting.agent.edit("mailbox", box.id, quota_mb=555)
    assert drifting.only().found == {"address": box.address, "login": "waiting", "quota_mb": 555}


@pytest.mark.parametrize(
    ("reason", "days", "field"),
    [("", 1, "reason"), ("x" * 501, 1, "reason"), ("ok", -1, "until"), ("ok", 400, "until")],
)
@pytest.mark.one_database
def test_keeping_needs_a_reason_and_an_end(drifting: Drifting, reason: str, days: int, field: str) -> None:
    _edited(drifting)
    difference = drifting.only()
    with pytest.raises(Invalid) as refused:
        keep(SYSTEM, difference.id, reason=reason, until=utcnow() + timedelta(days=days))
    assert refused.value.field == field
    assert get_difference(SYSTEM, difference.id).state == "open"


def test_adopting_a_quota_goes_by_the_ordinary_action_and_its_limits(drifting: Drifting) -> None:
    box = _edited(drifting, quota_mb=555)
    person = actor("provisioner")
    adopt(person, drifting.only().id)
    assert drifting.fresh(box).quota_mb == 555
    assert usage.used(drifting.world.koscian.id)["mailbox_mb"] == 555
    event = db.session.scalars(select(Event).where(Event.tag == "mail:mailbox:quota")).one()
    assert event.actor == person.ref
    drifting.engine.ring()
    assert drifting.check() == []
    drifting.agent.edit("mailbox", box.id, quota_mb=1_048_576)
    difference = drifting.only()
    with pytest.raises(OverLimit):
        adopt(person, difference.id)
    assert get_difference(SYSTEM, difference.id).state == "open"


def test_adopting_a_password_takes_over_its_hash_and_nothing_else(drifting: Drifting) -> None:
    box = drifting.box("a", password=PASSWORD)
    drifting.agent.edit("mailbox", box.id, password_hash=OTHER_HASH)
    difference = drifting.only()
    with pytest.raises(NotAllowed):
        adopt(actor("support"), difference.id)
    adopt(SYSTEM, difference.id)
    assert drifting.fresh(box).password_hash == OTHER_HASH
    assert get_difference(SYSTEM, difference.id).secrets is None
    drifting.engine.ring()
    assert drifting.agent.bodies["mailbox", str(box.id)]["password_hash"] == OTHER_HASH
    assert drifting.check() == []


@pytest.mark.one_database
def test_adopting_suspension_address_and_absence(drifting: Drifting) -> None:
    blocked, renamed, missing = (drifting.box(name, password=PASSWORD) for name in "abc")
    drifting.agent.edit("mailbox", blocked.id, login="blocked")
    drifting.agent.edit("mailbox", renamed.id, address=f"nowy@{SHARED}")
    del drifting.agent.bodies["mailbox", str(missing.id)]
    for difference in drifting.check():
        adopt(SYSTEM, difference.id)
    drifting.engine.ring()
    assert drifting.fresh(blocked).state == "suspended"
    assert drifting.fresh(renamed).address == f"nowy@{SHARED}"
    assert drifting.fresh(missing).want == "remove"
    assert drifting.check() == []


def test_what_only_the_node_has_is_adopted_under_its_own_id_for_a_member(drifting: Drifting) -> None:
    stranger = _stranger(drifting, login="open", password_hash=OTHER_HASH)
    difference = drifting.only()
    with pytest.raises(Invalid, match="member_needed"):
        adopt(SYSTEM, difference.id)
    adopt(SYSTEM, difference.id, member_id=drifting.world.koscian.id)
    box = get_mailbox(SYSTEM, stranger)
    assert (box.address, box.wanted_generation, box.login) == (f"obcy@{SHARED}", 4, "open")
    drifting.engine.ring()
    assert drifting.fresh(box).state == "active"
    assert drifting.check() == []


def test_a_removed_mailbox_that_stands_again_is_adopted_by_restoring(drifting: Drifting) -> None:
    box = drifting.box("a")
    body = drifting.agent.bodies["mailbox", str(box.id)] | {"generation": 9}
    remove_mailbox(SYSTEM, box.id)
    drifting.engine.ring()
    drifting.agent.bodies["mailbox", str(box.id)] = body
    difference = drifting.only()
    assert difference.what == "only_here"
    adopt(SYSTEM, difference.id)
    assert drifting.fresh(box).want == "put"


@pytest.mark.one_database
def test_a_foreign_domain_is_taken_in(drifting: Drifting) -> None:
    id_ = str(uuid.uuid4())
    drifting.agent.bodies["mail_domain", id_] = {"id": id_, "generation": 2, "name": "gmina.example"}
    adopt(SYSTEM, drifting.only().id, member_id=drifting.world.koscian.id)
    domain = db.session.get_one(MailDomain, uuid.UUID(id_))
    assert (domain.name, domain.wanted_generation) == ("gmina.example", 3)


@pytest.mark.one_database
def test_what_no_action_can_express_is_not_adopted_and_says_why(drifting: Drifting) -> None:
    box, gone, odd = (drifting.box(name, password=PASSWORD) for name in "abc")
    drifting.agent.unserved.add(("mailbox", str(box.id)))
    drifting.agent.edit("mailbox", gone.id, login="waiting", password_hash=None)
    drifting.agent.edit("mailbox", odd.id, quota_mb="a lot")
    drifting.agent.foreign.append({"map": "aliases", "key": "x@y.example", "value": "z@y.example"})
    drifting.agent.files["dovecot.conf"] = False
    drifting.agent.edit("mail_domain", drifting.world.domain.id, name="inna.example")
    said = {one.name: _refusal(lambda one=one: adopt(SYSTEM, one.id)) for one in drifting.check()}
    assert said == {
        box.address: "adopt_nothing",
        gone.address: "adopt_password_gone",
        odd.address: "adopt_invalid",
        "x@y.example": "adopt_no_action",
        "dovecot.conf": "adopt_no_action",
        SHARED: "adopt_no_action",
    }
    assert {one.state for one in drifting.open(None)} == {"open"}


def test_overwriting_writes_again_above_every_generation_that_the_node_met(drifting: Drifting) -> None:
    edited, missing, unserved = (drifting.box(name, quota_mb=100) for name in "abc")
    drifting.agent.edit("mailbox", edited.id, quota_mb=999, generation=12)
    del drifting.agent.bodies["mailbox", str(missing.id)]
    drifting.agent.gone["mailbox", str(missing.id)] = 7
    drifting.agent.unserved.add(("mailbox", str(unserved.id)))
    for difference in drifting.check():
        assert overwrite(SYSTEM, difference.id).cause == OVERWRITE
    drifting.agent.requests.clear()
    drifting.engine.ring()
    assert [drifting.fresh(box).wanted_generation for box in (edited, missing, unserved)] == [13, 8, 2]
    assert all(
        message["repair"] for message in drifting.agent.requests if message["op"] == "apply" and message["fence"] > 4
    )
    assert drifting.open(None) == []
    assert {one.state for one in drifting.open("resolved")} == {"resolved"}
    assert drifting.agent.bodies["mailbox", str(edited.id)]["quota_mb"] == 100
    assert [drifting.fresh(box).state for box in (edited, missing, unserved)] == ["active"] * 3


def test_a_change_that_the_node_refuses_because_it_met_newer_ones_waits_for_a_person(drifting: Drifting) -> None:
    box = _edited(drifting)
    drifting.agent.edit("mailbox", box.id, generation=50)
    set_quota(SYSTEM, box.id, quota_mb=222)
    drifting.engine.ring()
    assert (drifting.fresh(box).state, drifting.fresh(box).problem_code) == ("failed", "stale_generation")
    overwrite(SYSTEM, drifting.only().id)
    drifting.engine.ring()
    assert (drifting.fresh(box).state, drifting.fresh(box).wanted_generation) == ("active", 51)
    assert drifting.check() == []


def test_what_only_the_node_has_goes_and_stays_gone(drifting: Drifting) -> None:
    stranger = _stranger(drifting)
    overwrite(SYSTEM, drifting.only().id)
    drifting.engine.ring()
    assert ("mailbox", str(stranger)) not in drifting.agent.bodies
    assert drifting.agent.gone["mailbox", str(stranger)] == 4
    assert db.session.get_one(Orphan, stranger, populate_existing=True).state == "removed"
    assert drifting.open(None) == []
    _stranger(drifting, id_=stranger)
    assert drifting.check() != []
    overwrite(SYSTEM, drifting.open()[0].id)
    drifting.engine.ring()
    assert ("mailbox", str(stranger)) not in drifting.agent.bodies


def test_foreign_rows_are_dropped_under_the_lease(drifting: Drifting) -> None:
    drifting.agent.foreign += [{"map": "aliases", "key": f"x{n}@y.example", "value": "z@y.example"} for n in range(2)]
    first, _ = drifting.check()
    overwrite(SYSTEM, first.id)
    drifting.engine.ring()
    assert [row["key"] for row in drifting.agent.foreign] == ["x1@y.example"]
    assert [one.name for one in drifting.open()] == ["x1@y.example"]


@pytest.mark.one_database
def test_a_row_that_the_agent_will_not_drop_keeps_no_other(drifting: Drifting) -> None:
    drifting.agent.foreign += [{"map": "aliases", "key": key, "value": "z"} for key in ("a..b@y.test", "c@y.test")]
    for difference in drifting.check():
        overwrite(SYSTEM, difference.id)
    drifting.engine.ring()
    assert [(one.name, one.state) for one in drifting.open(None)] == [("a..b@y.test", "open")]


@pytest.mark.one_database
def test_configuration_is_not_repaired_from_here(drifting: Drifting) -> None:
    drifting.agent.files["dovecot.conf"] = False
    difference = drifting.only()
    assert _refusal(lambda: overwrite(SYSTEM, difference.id)) == "repair_by_setup"
    assert (repair_plan(SYSTEM, drifting.node_id).total, repair_plan(SYSTEM, drifting.node_id).left) == (0, 1)


def test_a_repair_that_did_not_hold_is_open_again(drifting: Drifting) -> None:
    box = _edited(drifting)
    drifting.agent.meanwhile = lambda: drifting.agent.edit("mailbox", box.id, quota_mb=999)
    overwrite(SYSTEM, drifting.only().id)
    drifting.engine.ring()
    assert [one.state for one in drifting.open(None)] == ["open"]
    assert drifting.fresh(box).state == "drifted"


def test_a_whole_node_is_repaired_by_a_plan_whose_digest_was_shown(drifting: Drifting) -> None:
    boxes = [_edited(drifting, name) for name in "abc"]
    _stranger(drifting)
    drifting.check()
    plan = repair_plan(SYSTEM, drifting.node_id)
    assert (plan.total, plan.left) == (4, 0)
    assert plan.counts == [("mailbox", "remove", 1, 1), ("mailbox", "update", 3, 3)]
    drifting.agent.edit("mailbox", boxes[0].id, quota_mb=1)
    drifting.check()
    assert _refusal(lambda: approve_repair(SYSTEM, drifting.node_id, digest=plan.digest)) == "plan_outdated"
    approve_repair(SYSTEM, drifting.node_id, digest=repair_plan(SYSTEM, drifting.node_id).digest)
    drifting.engine.ring()
    assert drifting.open(None) == []
    assert [drifting.fresh(box).state for box in boxes] == ["active"] * 3


def test_the_guard_holds_for_repairs_too(drifting: Drifting) -> None:
    for number in range(60):
        _stranger(drifting, address=f"obcy{number}@{SHARED}")
    drifting.check()
    job = approve_repair(SYSTEM, drifting.node_id, digest=repair_plan(SYSTEM, drifting.node_id).digest)
    drifting.engine.ring()
    assert db.session.get_one(Job, job.id, populate_existing=True).state == "waiting_approval"
    assert len([key for key in drifting.agent.bodies if key[0] == "mailbox"]) == 60
    assert {one.state for one in drifting.open(None)} == {"overwriting"}


def test_a_person_who_changes_the_resource_meanwhile_wins(drifting: Drifting) -> None:
    box = _edited(drifting)
    difference = drifting.only()
    set_quota(SYSTEM, box.id, quota_mb=321)
    drifting.engine.ring()
    drifting.check()
    assert get_difference(SYSTEM, difference.id).state == "resolved"
    assert drifting.fresh(box).state == "active"


def test_decisions_are_made_once_and_by_those_who_may(drifting: Drifting) -> None:
    _edited(drifting)
    difference = drifting.only()
    for role in ("support", "auditor"):
        with pytest.raises(NotAllowed):
            overwrite(actor(role), difference.id)
    with pytest.raises((NotAllowed, NotFound)):
        db.session.scalars(differences_query(drifting.world.member_admin(drifting.world.koscian))).all()
    overwrite(SYSTEM, difference.id)
    assert _refusal(lambda: overwrite(SYSTEM, difference.id)) == "difference_decided"
    with pytest.raises(NotFound):
        overwrite(SYSTEM, uuid.uuid4())


def test_nodes_are_looked_at_in_turn_and_each_once(drifting: Drifting) -> None:
    assert check_when_due(SYSTEM) == 1
    assert check_when_due(SYSTEM) == 0
    assert request_check(SYSTEM, drifting.node_id).id == request_check(SYSTEM, drifting.node_id).id
    drifting.engine.ring()
    assert drifting.job(CHECK).state == "done"
    assert check_when_due(SYSTEM) == 0
    with unit_of_work():
        db.session.execute(update(Node).values(drift_checked_at=utcnow() - timedelta(hours=7)))
    assert check_when_due(SYSTEM) == 0, "one that was asked for a moment ago is not asked for again"
    with unit_of_work():
        db.session.execute(update(Job).values(queued_at=utcnow() - timedelta(hours=7)))
    assert check_when_due(SYSTEM) == 1


def _edited(drifting: Drifting, name: str = "a", *, quota_mb: int = 999) -> Mailbox:
    """A mailbox whose quota somebody changed on the node."""
    box = drifting.box(name, quota_mb=100)
    drifting.agent.edit("mailbox", box.id, quota_mb=quota_mb)
    return box


def _stranger(drifting: Drifting, *, id_: uuid.UUID | None = None, **values: object) -> uuid.UUID:
    """A mailbox that only the node knows."""
    id_ = id_ or uuid.uuid4()
    body = {"id": str(id_), "generation": 3, "address": f"obcy@{SHARED}", "login": "waiting", "password_hash": None}
    drifting.agent.bodies["mailbox", str(id_)] = body | {"quota_mb": 5} | values
    return id_


def _refusal(act: object) -> str:
    with pytest.raises(Conflict) as refused:
        act()  # type: ignore[operator]  # what to do
    error: PanelError = refused.value
    return error.code
