"""What no role makes and no page sends: people and tokens with odd sets of rights, asked about by hand.

The matrix tries the roles there are. Each question here is one that those roles answer alike, so that only somebody
made for it tells whether it is asked at all.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from panel.contracts.actions import get_contract
from panel.contracts.orders import create_order, get_order, orders_query
from panel.contracts.standing import held_members
from panel.engine.drift import check_when_due
from panel.identity.accepting import accept_as_new
from panel.identity.actions import actor_for_user, create_token, create_user, ensure_roles
from panel.identity.agreements import ask
from panel.identity.email_changes import withdraw_change
from panel.identity.erasing import preview_erasure
from panel.identity.erasing_named import preview_named
from panel.identity.grants import grant_role, require_grantable, revoke_grant
from panel.identity.handing_over import hand_over
from panel.identity.invitations import PURPOSE, invite, withdraw_invitation
from panel.identity.looks import looks_query
from panel.identity.models import User
from panel.identity.people import grants_seen, may_change, users_query
from panel.identity.step_ins import StaffLook
from panel.identity.stepping_in import actor_inside, enter
from panel.imports.actions import commit_import, start_import
from panel.imports.committing import carry_out_imports
from panel.imports.mailboxes import Mailboxes
from panel.imports.members import Members
from panel.kernel.access import ROLES, SYSTEM, Actor, Agreed, Reach
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.kernel.errors import NotAllowed, PanelError
from panel.kernel.links import link_token
from panel.kernel.listing import COUNT
from panel.ledger.events import Event, record, record_many
from panel.ledger.names import note_release
from panel.ledger.nodes import Node
from panel.mail.actions import NewMailbox, create_mailboxes, get_mailbox, rename_mailbox, suspend_mailbox
from panel.mail.choosing import Choice, Wish, plan_changes
from panel.mail.domains import create_domain, domains_query
from panel.mail.finding import mailboxes_query
from panel.mail.models import ADDRESSES, Mailbox
from panel.mail.naming import release_faults
from panel.members.models import Member
from panel.search.everything import search
from panel.webhooks.actions import create_webhook
from panel.webhooks.models import Delivery
from panel.webhooks.reading import event_of
from panel.webhooks.sending import readable, why_not
from tests.worlds import SHARED, World, actor, grant, small_world

MAIL_ONLY = frozenset({"mail:read"})


def test_a_row_in_reach_takes_its_own_right_too(world: World) -> None:
    """Every role that reaches a member reads all of it; somebody who holds one thing there reads just that."""
    contract = grant(world.koscian)
    order = create_order(SYSTEM, member_id=world.koscian.id, items=[{"service": contract.items[0].service_code,
                                                                    "quantity": 1}])  # fmt: skip
    one = _holding(MAIL_ONLY, world.koscian)
    for look in (partial(get_contract, one, contract.id), partial(get_order, one, order.id)):
        assert _refusal(look) == "not_allowed"


def test_an_order_that_is_drawn_up_is_seen_by_all_of_the_member_and_by_no_staff(world: World) -> None:
    service = grant(world.koscian).items[0].service_code
    clerk, colleague = world.member_admin(world.koscian), world.member_admin(world.koscian)
    order = create_order(clerk, member_id=world.koscian.id, items=[{"service": service, "quantity": 1}])
    seen = {who: [row.id for row in db.session.scalars(orders_query(who))] for who in (colleague, actor("auditor"))}
    assert list(seen.values()) == [[order.id], []]


def test_who_is_held_back_is_told_to_its_own_people_only(world: World) -> None:
    with unit_of_work():
        for member in (world.koscian, world.smigiel):
            db.session.merge(member).grade = "no_send"
    assert [row.name for row in held_members(world.member_admin(world.koscian))] == ["Kościan"]
    assert held_members(actor("auditor")) == []
    assert held_members(_holding(MAIL_ONLY, world.koscian)) == []


def test_a_chore_is_for_who_may_even_where_there_is_nothing_to_do(world: World) -> None:
    with unit_of_work():
        db.session.execute(update(Node).values(drift_checked_at=utcnow()))
    assert check_when_due(SYSTEM) == 0
    assert _refusal(partial(check_when_due, actor("auditor"))) == "not_allowed"


def test_an_inviter_whose_role_may_not_invite_any_more_gives_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    inviter = _user("admin", "member_admin", world.koscian)
    row = invite(actor_for_user(inviter), email="jan@example.test", role="member_editor", member_id=world.koscian.id)
    monkeypatch.setitem(ROLES, "member_admin", ROLES["member_admin"] - {"users:invite"})
    token = link_token(world.app.config["CIS"], PURPOSE, row.link_id)
    assert _refusal(partial(accept_as_new, token, name="Jan", password="cztery słowa nie do pary")) == "inviter_lost"


def test_a_role_on_everything_takes_each_of_its_rights_on_everything(world: World) -> None:
    """Whoever may give roles on all holds all today; a program with just that right gives nothing it lacks."""
    giver = _holding(frozenset({"users:read", "users:write"}))
    assert _refusal(partial(require_grantable, giver, role="auditor", member_id=None)) == "role_exceeds"
    admin = actor_for_user(_user("admin", "member_admin", world.koscian), fresh=True)
    assert _refusal(partial(create_token, admin, role="member_editor")) == "role_exceeds"


def test_a_role_is_taken_back_by_who_gives_it_there_and_another_members_is_not_seen(world: World) -> None:
    """Somebody who administers one member and only looks at the other; the person has a role on both, and on all."""
    both = _user("both", "member_admin", world.koscian)
    grant_role(SYSTEM, both.id, role="auditor", member_id=world.smigiel.id)
    person = _user("person", "member_editor", world.koscian)
    for role, member in (("member_editor", world.smigiel), ("auditor", None)):
        grant_role(SYSTEM, person.id, role=role, member_id=None if member is None else member.id)
    who = actor_for_user(both, fresh=True)
    held = {one.member_id: one.id for one in person.grants}
    assert _refusal(partial(revoke_grant, who, person.id, grant_id=held[world.smigiel.id])) == "not_allowed"
    assert _refusal(partial(revoke_grant, who, person.id, grant_id=held[None])) == "not_found"
    assert {one.member_id for one in grants_seen(who, person)} == {world.koscian.id, world.smigiel.id}
    assert len(revoke_grant(who, person.id, grant_id=held[world.koscian.id]).grants) == 2


def test_who_only_looks_changes_nobody_not_even_who_has_no_role(world: World) -> None:
    person = _user("nobody", "member_editor", world.koscian)
    revoke_grant(SYSTEM, person.id, grant_id=person.grants[0].id)
    auditor = actor("auditor")
    assert not may_change(auditor, person)
    assert _refusal(partial(withdraw_change, auditor, person.id)) == "not_allowed"
    here = actor_for_user(_user("admin", "member_admin", world.koscian), fresh=True)
    row = invite(here, email="jan@example.test", role="member_editor", member_id=world.koscian.id)
    assert _refusal(partial(withdraw_invitation, actor("auditor", world.koscian), row.id)) == "not_allowed"


def test_a_token_for_less_hands_no_role_over(world: World) -> None:
    """The right comes before anything that is wrong with what was sent."""
    user = _user("admin", "member_admin", world.koscian)
    less = replace(actor_for_user(user, fresh=True), grants=(_reach(ROLES["member_editor"], world.koscian),))
    past = partial(hand_over, less, world.koscian.id, email="jan@example.test", ends_on=date(2020, 1, 1))
    assert _refusal(past) == "not_allowed"


def test_a_token_for_other_kinds_reaches_neither_people_nor_mailboxes(world: World) -> None:
    box = create_mailboxes(SYSTEM, [NewMailbox(member_id=world.koscian.id, address=f"a.miasto-koscian@{SHARED}")])
    member_id, box_id = world.koscian.id, box[0].mailbox.id
    other = replace(SYSTEM, kinds=frozenset({"zones"}))
    people, mail = replace(SYSTEM, kinds=frozenset({"users"})), replace(SYSTEM, kinds=frozenset({"mailboxes"}))
    for ask_for in (
        partial(users_query, other),
        partial(get_mailbox, other, box_id),
        partial(create_mailboxes, other, [NewMailbox(member_id=member_id, address=f"b.miasto-koscian@{SHARED}")]),
        partial(plan_changes, other, Wish(action="suspend"), Choice(ids=[box_id])),
        partial(mailboxes_query, other),
        partial(domains_query, other),
        partial(create_domain, other, member_id=member_id, name="kosciol.example"),
        partial(Mailboxes().require, other, member_id),
        partial(Members().require, other, None),
        partial(Mailboxes().require, replace(actor("auditor", world.koscian), kinds=mail.kinds), member_id),
        partial(preview_erasure, mail, uuid.uuid4()),
        partial(preview_named, mail, name="Jan Nowak"),
    ):
        assert _refusal(ask_for) == "not_allowed", ask_for
    assert db.session.scalars(users_query(people)).all() == []


def test_an_import_is_carried_out_only_while_its_maker_may_import(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = actor_for_user(_user("admin", "member_admin", world.koscian))
    content = f"address\na.miasto-koscian@{SHARED}\n".encode()
    one = start_import(maker, kind="mailboxes", content=content, file_name="a.csv", member_id=world.koscian.id)
    commit_import(maker, one.id, only_good=True)
    monkeypatch.setitem(ROLES, "member_admin", ROLES["member_admin"] - {"imports:write"})
    carry_out_imports(SYSTEM)
    assert db.session.scalars(select(Mailbox)).all() == []


def test_what_was_agreed_to_binds_many_at_once_too(world: World) -> None:
    agreed = Agreed(permission="mail:write", member_id=world.koscian.id, tag="mail:mailbox:suspend", resource_id=None)
    inside = replace(world.member_admin(world.koscian), agreed=agreed)
    with pytest.raises(NotAllowed, match="not_agreed"), unit_of_work():
        record_many(inside, [{"tag": "mail:mailbox:suspend"}, {"tag": "mail:mailbox:remove"}])


def test_who_is_inside_one_view_asks_for_nothing_in_another(world: World) -> None:
    anna = _user("anna", "support", None)
    who = actor_for_user(anna, fresh=True)
    inside = actor_inside(anna, enter(who, world.koscian.id, reason="Pan Kowalski pyta o skrzynkę"))
    wish = partial(ask, inside, action="mail:mailbox:suspend", resource_id=new_id(), resource_name="x", values={})
    assert _refusal(partial(wish, member_id=world.smigiel.id)) == "not_found"
    assert wish(member_id=world.koscian.id).member_id == world.koscian.id


def test_who_of_staff_looked_is_read_by_the_member_and_by_no_other(world: World) -> None:
    anna = _user("anna", "support", None)
    with unit_of_work():
        for member in (world.koscian, world.smigiel):
            db.session.add(StaffLook(member_id=member.id, user_id=anna.id, day=date(2026, 11, 1), at=utcnow()))
    seen = db.session.scalars(looks_query(world.member_admin(world.koscian))).all()
    assert [look.member_id for look in seen] == [world.koscian.id]


def test_lists_count_only_what_is_in_reach(world: World) -> None:
    """Whole lists are counted by what members use, not row by row: here by the function that a list is given."""
    grant(world.smigiel, mailboxes=10, mailbox_mb=10_240)
    wanted = [
        NewMailbox(member_id=member.id, address=f"{local}.{member.slug}@{SHARED}")
        for member, local in ((world.koscian, "a"), (world.koscian, "b"), (world.smigiel, "a"), (world.smigiel, "b"))
    ]
    made = [one.mailbox.id for one in create_mailboxes(SYSTEM, wanted)]
    suspend_mailbox(SYSTEM, made[2])
    with unit_of_work():
        db.session.execute(update(Mailbox).values(seen_generation=Mailbox.wanted_generation))
        db.session.execute(update(Mailbox).where(Mailbox.id == made[3]).values(member_id=None))
    clerk = world.member_admin(world.koscian)
    counts = [mailboxes_query(clerk, state=state).get_execution_options()[COUNT] for state in (None, "active")]
    assert [count() for count in counts] == [2, 2]


def test_a_former_address_is_found_by_its_own_member_only(world: World) -> None:
    grant(world.smigiel, mailboxes=10, mailbox_mb=10_240)
    for member in (world.koscian, world.smigiel):
        wanted = [NewMailbox(member_id=member.id, address=f"dawna.{member.slug}@{SHARED}")]
        rename_mailbox(SYSTEM, create_mailboxes(SYSTEM, wanted)[0].mailbox.id, address=f"nowa.{member.slug}@{SHARED}")
    found = search(world.member_admin(world.koscian), "dawna", kinds=["alias"])
    assert [hit.name for group in found for hit in group.hits] == [f"dawna.miasto-koscian@{SHARED}"]


def test_a_released_address_takes_the_right_to_give_names_however_good_the_reason(world: World) -> None:
    address = "stary@own.example"
    with unit_of_work():
        note_release(ADDRESSES, address, member_id=world.smigiel.id)
    asked = [(world.koscian.id, address)]
    for who, faults in ((world.member_admin(world.koscian), {0}), (actor("provisioner"), set())):
        assert release_faults(who, asked, reasons=["Uzgodnione"]).keys() == faults


def test_a_webhook_says_what_its_owner_and_its_reader_may_read_now(world: World) -> None:
    """One for the whole association, whose owner has a role on one member only by now."""
    owner = _user("owner", "association_admin", None)
    hook, _secret = create_webhook(actor_for_user(owner, fresh=True), url="https://hooks.example.com/x", member_id=None)
    with unit_of_work():
        for member in (world.koscian, world.smigiel, None):
            record(SYSTEM, "mail:mailbox:create", member_id=None if member is None else member.id)
    events = list(db.session.scalars(select(Event).where(Event.tag == "mail:mailbox:create").order_by(Event.id)))
    assert readable(hook, events) == {event.id for event in events}
    assert why_not(hook) is None
    _user("other", "association_admin", None)
    grant_role(SYSTEM, owner.id, role="member_admin", member_id=world.koscian.id)
    revoke_grant(SYSTEM, owner.id, grant_id=next(one.id for one in owner.grants if one.member_id is None))
    db.session.expire_all()
    assert readable(hook, events) == {events[0].id}
    assert why_not(hook) == "owner"
    for event in events:
        delivery = Delivery(webhook_id=hook.id, event_id=event.id, tag=event.tag)
        assert event_of(_holding(MAIL_ONLY), delivery) == (False, None)
        assert event_of(_holding(MAIL_ONLY, world.koscian), delivery) == (False, None)
        assert event_of(actor("auditor"), delivery)[0]


def _holding(permissions: frozenset[str], *members: Member) -> Actor:
    """Somebody who holds just that, on members or on everything."""
    return replace(actor("auditor"), grants=(_reach(permissions, *members),))


def _reach(permissions: frozenset[str], *members: Member) -> Reach:
    ids = frozenset(member.id for member in members) if members else None
    return Reach(permissions=permissions, member_ids=ids)


def _user(name: str, role: str, member: Member | None) -> User:
    member_id = None if member is None else member.id
    return create_user(
        SYSTEM, email=f"{name}@example.test", name=name, password_hash=None, role=role, member_id=member_id
    )


def _refusal(act: Callable[[], Any]) -> str:
    try:
        act()
    except PanelError as error:
        return error.code
    return "went on"


@pytest.fixture
def world(made: World) -> Iterator[World]:
    """The world as it was at first."""
    made.koscian, made.smigiel = db.session.merge(made.koscian), db.session.merge(made.smigiel)
    engine = db.engine
    with closing(sqlite3.connect(":memory:")) as first, closing(sqlite3.connect(str(engine.url.database))) as file:
        file.backup(first)
        yield made
        db.session.remove()
        first.backup(file)
    db.session.add_all([made.koscian, made.smigiel])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with small_world(Path(tmp_path_factory.mktemp("by_hand"))) as world:
        ensure_roles()
        yield world
