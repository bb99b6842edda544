"""Changes by staff inside a member's view: only what the member agreed to, exactly so, once, and in time."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from panel.identity import agreements
from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.email_changes import ask_for_other
from panel.identity.lost_factors import remove_lost_factors
from panel.identity.models import User
from panel.identity.step_ins import AskedAction, StepIn
from panel.identity.stepping_in import actor_inside, end, enter
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import database_now, db, new_id, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, PanelError
from panel.ledger.events import Event, record
from panel.ledger.notices import Notice
from panel.mail import actions
from panel.mail.actions import create_mailbox, remove_mailbox
from panel.mail.agreed import ACTIONS, ask_for, carry_out
from panel.mail.models import Mailbox
from panel.members.models import Member
from tests.worlds import SHARED, World
from tests.writers import at_once, waiting

REASON = "Prośba o pomoc ze skrzynką, telefon z 22 listopada"


@dataclass
class Stay:
    """Anna of the staff inside Kościan's view, Kościan's administrator, and a mailbox there."""

    world: World
    anna: User
    inside: Actor
    wojt: Actor
    box: Mailbox


def test_support_does_what_the_member_agreed_to_once_and_both_are_named(stay: Stay) -> None:
    asked = ask_for(stay.inside, "quota", mailbox_id=stay.box.id, quota_mb=2048)
    assert db.session.scalars(select(Notice.code).order_by(Notice.id)).all()[-1] == "step_in:asked"
    refused(lambda: carry_out(stay.inside, asked.id), NotAllowed, "not_agreed")
    agreements.agree(stay.wojt, asked.id)
    changed = carry_out(stay.inside, asked.id)
    assert changed.mailbox.quota_mb == 2048
    event = db.session.scalars(select(Event).where(Event.tag == "mail:mailbox:quota")).one()
    assert (event.actor, event.on_behalf_of) == (f"user:{stay.anna.id}", f"member:{stay.world.koscian.id}")
    assert event.detail is not None
    assert (event.detail.actor_name, event.detail.data["on_behalf_of"]) == ("Anna Nowak", "Kościan")
    refused(lambda: carry_out(stay.inside, asked.id), Conflict, "done_already")
    refused(lambda: actions.set_quota(stay.inside, stay.box.id, quota_mb=4096), NotAllowed, "not_allowed")


def test_every_action_that_can_be_asked_for_works_by_agreement_and_not_without(stay: Stay) -> None:
    gone = create_mailbox(SYSTEM, member_id=stay.world.koscian.id, address=f"dawna@{SHARED}").mailbox
    remove_mailbox(SYSTEM, gone.id)
    wanted: dict[str, dict[str, Any]] = {
        "create": {"address": f"nowa.miasto-koscian@{SHARED}", "quota_mb": 100},
        "suspend": {"mailbox_id": stay.box.id},
        "resume": {"mailbox_id": stay.box.id},
        "rename": {"mailbox_id": stay.box.id, "address": f"Inna.miasto-koscian@{SHARED}"},
        "quota": {"mailbox_id": stay.box.id, "quota_mb": 3000},
        "remove": {"mailbox_id": stay.box.id},
        "restore": {"mailbox_id": gone.id},
    }
    assert set(wanted) == set(ACTIONS)
    for action, values in wanted.items():
        asked = ask_for(stay.inside, action, **values)
        agreements.agree(stay.wojt, asked.id)
        done = carry_out(stay.inside, asked.id)
        assert done.job is not None, action
        assert done.activation_token is None, "the link is the member's to make"
    assert db.session.get_one(Mailbox, stay.box.id).address == f"inna.miasto-koscian@{SHARED}"


@pytest.mark.one_database
def test_an_agreement_covers_nothing_else(stay: Stay) -> None:
    other = create_mailbox(SYSTEM, member_id=stay.world.koscian.id, address=f"druga@{SHARED}").mailbox
    asked = agreed(stay, "suspend", mailbox_id=stay.box.id)
    with unit_of_work():
        _, allowed = agreements.use(stay.inside, asked.id)
        refused(lambda: actions.suspend_mailbox(allowed, other.id), NotAllowed, "not_agreed")
        refused(lambda: actions.remove_mailbox(allowed, stay.box.id), NotAllowed, "not_agreed")
        refused(lambda: actions.new_activation_link(allowed, stay.box.id), NotAllowed, "not_allowed")
        refused(lambda: actions.set_password(allowed, stay.box.id, password="x" * 20), NotAllowed, "not_allowed")
        db.session.rollback()


@pytest.mark.one_database
def test_what_could_not_be_done_cannot_be_asked_for(stay: Stay) -> None:
    refused(lambda: ask_for(stay.inside, "password", mailbox_id=stay.box.id), Invalid, "choice")
    refused(lambda: ask_for(stay.inside, "suspend"), Invalid, "required")
    refused(lambda: ask_for(stay.inside, "quota", mailbox_id=stay.box.id, quota_mb=0), Invalid, "number_range")
    refused(lambda: ask_for(stay.inside, "quota", mailbox_id=stay.box.id), Invalid, "required")
    refused(lambda: ask_for(stay.inside, "create", address="ż@x"), Invalid, "unknown_domain", "address_not_ascii")
    refused(lambda: ask_for(stay.inside, "suspend", mailbox_id=uuid.uuid4()), NotFound, "not_found")
    own = actor_for_user(stay.anna, fresh=True)
    refused(lambda: ask_for(own, "suspend", mailbox_id=stay.box.id), NotAllowed, "only_inside")


@pytest.mark.one_database
def test_only_the_members_own_people_decide_with_a_fresh_factor(stay: Stay) -> None:
    asked = ask_for(stay.inside, "suspend", mailbox_id=stay.box.id)
    refused(lambda: agreements.agree(replace(stay.wojt, fresh=False), asked.id), NotAllowed, "fresh_factor_needed")
    refused(lambda: agreements.agree(actor_for_user(stay.anna, fresh=True), asked.id), NotAllowed, "not_allowed")
    boss = actor_for_user(_user("association_admin"), fresh=True)
    refused(lambda: agreements.agree(boss, asked.id), NotAllowed, "member_decides")
    refused(lambda: agreements.agree(replace(stay.inside, fresh=True), asked.id), NotAllowed, "not_allowed")
    both = _user("member_admin", member=stay.world.koscian)
    with unit_of_work():
        _user("support").grants[0].user_id = both.id
    db.session.expire_all()
    refused(lambda: agreements.agree(actor_for_user(both, fresh=True), asked.id), NotAllowed, "member_decides")
    editor = actor_for_user(_user("member_editor", member=stay.world.koscian), fresh=True)
    refused(lambda: agreements.agree(editor, asked.id), NotAllowed, "not_allowed")
    foreign = actor_for_user(_user("member_admin", member=stay.world.smigiel), fresh=True)
    refused(lambda: agreements.agree(foreign, asked.id), NotFound, "not_found")
    refused(lambda: agreements.agree(replace(stay.wojt, ref="token:x"), asked.id), NotAllowed, "member_decides")
    assert agreements.agree(stay.wojt, asked.id).decided_by == stay.wojt.user_id
    refused(lambda: agreements.agree(stay.wojt, asked.id), Conflict, "decided_already")


def test_no_account_that_was_made_or_opened_anew_for_it_agrees(stay: Stay) -> None:
    """Who gives roles and helps people in could else agree, by an account of the member, to what they ask for."""
    asked = ask_for(stay.inside, "suspend", mailbox_id=stay.box.id)
    boss = actor_for_user(_user("association_admin"), fresh=True)
    new = _user("member_admin", member=stay.world.koscian, held_days=6)
    helped, moved, reset = (_user("member_admin", member=stay.world.koscian) for _ in range(3))
    remove_lost_factors(boss, helped.id, reason="Zgubiony telefon, zgłoszenie")
    ask_for_other(boss, moved.id, email="inna.skrzynka@x.pl")
    with unit_of_work():
        record(actor_for_user(reset), "identity:user:password-reset", kind="user", resource_id=reset.id, name="x")
    for user in (new, helped, moved, reset):
        refused(lambda who=user: agreements.agree(actor_for_user(who, fresh=True), asked.id), Conflict, "not_settled")  # type: ignore[misc]  # a lambda
    own = actor_for_user(db.session.get_one(User, stay.wojt.user_id), fresh=True)
    with unit_of_work():
        record(own, "identity:user:email-ask", kind="user", resource_id=own.user_id, name="x")
    assert agreements.agree(own, asked.id).agreed, "what one changes oneself is no matter"
    assert agreements.refuse(actor_for_user(new), asked.id).agreed is False, "anybody of the member may refuse"


@pytest.mark.one_database
def test_what_was_agreed_to_can_be_taken_back_until_it_is_done(stay: Stay) -> None:
    asked = agreed(stay, "suspend", mailbox_id=stay.box.id)
    agreements.refuse(stay.wojt, asked.id)
    refused(lambda: carry_out(stay.inside, asked.id), NotAllowed, "not_agreed")
    refused(lambda: agreements.agree(stay.wojt, asked.id), Conflict, "decided_already")


def test_nothing_is_done_after_the_stay_whatever_was_agreed_to(stay: Stay) -> None:
    late = agreed(stay, "suspend", mailbox_id=stay.box.id)
    asked = ask_for(stay.inside, "resume", mailbox_id=stay.box.id)
    with unit_of_work():
        db.session.execute(update(StepIn).values(until=utcnow() - timedelta(seconds=1)))
    refused(lambda: carry_out(stay.inside, late.id), NotAllowed, "stay_over")
    refused(lambda: agreements.agree(stay.wojt, asked.id), Conflict, "stay_over")
    refused(lambda: ask_for(stay.inside, "suspend", mailbox_id=stay.box.id), NotAllowed, "stay_over")
    again = actor_inside(stay.anna, enter(actor_for_user(stay.anna, fresh=True), stay.world.koscian.id, reason=REASON))
    refused(lambda: carry_out(again, late.id), NotFound, "not_found")
    assert db.session.get_one(Mailbox, stay.box.id).suspended_at is None


@pytest.mark.one_database
@pytest.mark.parametrize("how", ["ended", "blocked", "right taken", "moved away"])
def test_whatever_ends_the_right_ends_the_agreement(stay: Stay, how: str) -> None:
    school = Member(id=new_id(), name="Szkoła", kind="school", slug="szkola", parent_id=stay.world.koscian.id)
    with unit_of_work():
        db.session.add(school)
    box = create_mailbox(SYSTEM, member_id=stay.world.koscian.id, address=f"szkola1@{SHARED}").mailbox
    with unit_of_work():
        db.session.execute(update(Mailbox).where(Mailbox.id == box.id).values(member_id=school.id))
    inside = actor_inside(stay.anna, db.session.scalars(select(StepIn)).one())
    asked = ask_for(inside, "suspend", mailbox_id=box.id)
    agreements.agree(actor_for_user(db.session.get_one(User, stay.wojt.user_id), fresh=True), asked.id)
    if how == "ended":
        end(stay.wojt, asked.step_in_id)
    with unit_of_work():
        if how == "blocked":
            stay.anna.active = False
        if how == "right taken":
            stay.anna.grants.clear()
        if how == "moved away":
            school.parent_id = stay.world.smigiel.id
    refused(lambda: carry_out(inside, asked.id), NotFound if how == "moved away" else NotAllowed, "not_found",
            "stay_over")  # fmt: skip
    assert db.session.get_one(Mailbox, box.id, populate_existing=True).suspended_at is None


def test_two_windows_at_once_enter_one_view_and_use_one_agreement_once(stay: Stay) -> None:
    app, asked = stay.world.app, agreed(stay, "create", address=f"dwa.miasto-koscian@{SHARED}", quota_mb=100)
    done = at_once(app, [lambda: carry_out(stay.inside, asked.id)] * 2)
    assert Counter(type(one).__name__ for one in done) == {"Changed": 1, "Conflict": 1}, done
    other = _user("support")
    who = actor_for_user(other, fresh=True)
    entered = at_once(app, [lambda: enter(who, stay.world.koscian.id, reason=REASON)] * 3)
    assert Counter(type(one).__name__ for one in entered) == {"StepIn": 1, "Conflict": 2}, entered


def test_a_request_that_runs_on_past_the_end_does_nothing(stay: Stay) -> None:
    asked = agreed(stay, "suspend", mailbox_id=stay.box.id)
    with unit_of_work():
        read_row(StepIn, asked.step_in_id, for_change=True)
        late = waiting(stay.world.app, lambda: carry_out(stay.inside, asked.id))
        db.session.execute(update(StepIn).values(until=database_now(-1)))
    error = late()
    assert isinstance(error, NotAllowed), error
    assert error.code == "stay_over"
    assert db.session.get_one(Mailbox, stay.box.id, populate_existing=True).suspended_at is None


@pytest.mark.one_database
def test_what_fails_uses_no_agreement_up(stay: Stay) -> None:
    asked = agreed(stay, "create", address=f"spor.miasto-koscian@{SHARED}", quota_mb=100)
    create_mailbox(SYSTEM, member_id=stay.world.koscian.id, address=f"spor.miasto-koscian@{SHARED}")
    refused(lambda: carry_out(stay.inside, asked.id), Conflict, "taken")
    assert db.session.get_one(AskedAction, asked.id, populate_existing=True).done_at is None


def refused(do: Callable[[], object], kind: type[PanelError], *codes: str) -> None:
    with pytest.raises(kind) as error:
        do()
    assert error.value.code in codes


def agreed(stay: Stay, action: str, **values: object) -> AskedAction:
    return agreements.agree(stay.wojt, ask_for(stay.inside, action, **values).id)  # type: ignore[arg-type]  # as given


def _user(role: str, *, member: Member | None = None, held_days: int = 8) -> User:
    user = create_user(SYSTEM, email=f"{role}-{uuid.uuid4().hex[:8]}@x.pl", name=role, password_hash=None, role=role,
                       member_id=None if member is None else member.id)  # fmt: skip
    with unit_of_work():
        user.grants[0].granted_at -= timedelta(days=held_days)
    return user


@pytest.fixture
def stay(world: World) -> Stay:
    ensure_roles()
    anna = create_user(SYSTEM, email="anna@wokiss.pl", name="Anna Nowak", password_hash=None, role="support")
    wojt = actor_for_user(_user("member_admin", member=world.koscian), fresh=True)
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"biuro@{SHARED}").mailbox
    step_in = enter(actor_for_user(anna, fresh=True), world.koscian.id, reason=REASON)
    return Stay(world, anna, actor_inside(anna, step_in), wojt, box)
