"""What holding a member's services back writes, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id
from panel.kernel.errors import Invalid, NotAllowed, NotFound
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.mail.actions import create_mailbox, remove_mailbox
from panel.mail.models import Mailbox
from panel.mail.statutory import ensure_statutory_addresses
from panel.members.grading import set_grade
from panel.members.models import Member
from tests.worlds import SHARED, World, actor, grant, small_world


def test_a_grade_wants_every_mailbox_of_the_member_anew_and_no_other(world: World) -> None:
    ensure_statutory_addresses(SYSTEM)
    grant(world.smigiel, mailboxes=10, mailbox_mb=10_000)
    one = _box(world.koscian, "jan.miasto-koscian")
    gone = _box(world.koscian, "ewa.miasto-koscian")
    remove_mailbox(SYSTEM, gone.id)
    foreign = _box(world.smigiel, "jan.smigiel")
    before = _generations()
    jobs = len(_jobs())

    member = set_grade(SYSTEM, world.koscian.id, grade="no_send", reason="Zaległe opłaty", contact="biuro@wokiss.pl")

    assert (member.grade, member.grade_reason, member.grade_notice) == (
        "no_send", "Zaległe opłaty", "Zalegle oplaty - biuro@wokiss.pl")  # fmt: skip
    assert member.grade_since is not None
    assert _generations() == before | {one.address: before[one.address] + 1}
    assert before[foreign.address] == _generations()[foreign.address]
    assert [job.cause for job in _jobs()[jobs:]] == ["members:member:grade"]
    assert world.rings.count(world.node.id) >= 1
    told = db.session.scalars(select(Event).where(Event.tag == "members:member:grade")).one()
    assert told.detail is not None
    assert told.detail.data == {
        "grade": "no_send", "before": "", "reason": "Zaległe opłaty", "contact": "biuro@wokiss.pl"
    }  # fmt: skip

    again = set_grade(SYSTEM, world.koscian.id, grade="no_send", reason="Zaległe opłaty", contact="biuro@wokiss.pl")
    assert (_generations(), again.grade_since) == (before | {one.address: before[one.address] + 1}, member.grade_since)
    set_grade(SYSTEM, world.koscian.id, grade=None)
    assert _generations()[one.address] == before[one.address] + 2
    assert (world.koscian.grade, world.koscian.grade_notice, world.koscian.grade_since) == (None, "", None)
    set_grade(SYSTEM, world.koscian.id, grade="no_new", reason="koniec umowy")
    assert _generations()[one.address] == before[one.address] + 2  # nodes know nothing of the mildest


@pytest.mark.one_database
def test_only_staff_sets_a_grade_and_only_one_there_is(world: World) -> None:
    with pytest.raises(NotAllowed):
        set_grade(actor("member_admin", world.koscian), world.koscian.id, grade=None)
    with pytest.raises(NotAllowed):
        set_grade(actor("support"), world.koscian.id, grade=None)
    with pytest.raises(NotFound):
        set_grade(SYSTEM, new_id(), grade="closed")
    for values in (
        {"grade": "shut"},
        {"grade": "closed", "reason": "a\x00RCPT"},
        {"grade": "closed", "contact": "x" * 201},
    ):
        with pytest.raises(Invalid):
            set_grade(SYSTEM, world.koscian.id, **values)
    assert db.session.scalars(select(Event).where(Event.tag == "members:member:grade")).all() == []


def _box(member: Member, local: str) -> Mailbox:
    return create_mailbox(SYSTEM, member_id=member.id, address=f"{local}@{SHARED}", quota_mb=100).mailbox


def _generations() -> dict[str, int]:
    return {
        row.address: row.wanted_generation
        for row in db.session.execute(select(Mailbox.address, Mailbox.wanted_generation))
    }


def _jobs() -> list[Job]:
    return list(db.session.scalars(select(Job).order_by(Job.id)))


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with small_world(tmp_path, database_url=database_url) as world:
        yield world
