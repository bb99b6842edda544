"""A person without an account is erased by name and addresses; who is called alike is left alone."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from panel.identity.actions import create_user, ensure_roles
from panel.identity.erasing_named import erase_named, preview_named
from panel.identity.invitations import Invitation, invite
from panel.identity.mentions import MARK, mention
from panel.identity.models import User
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed
from panel.ledger.chain import chainer
from panel.ledger.events import Event, EventDetail, record
from panel.ledger.verifying import verify_chain
from panel.members.models import Member
from tests.worlds import World, actor

NAME, EMAIL = "Łucja Nowak", "lucja@gmina.example"
REASON = "Wniosek z 3 listopada"


def test_a_person_without_an_account_leaves_what_others_wrote_and_the_chain_verifies(world: World) -> None:
    ensure_roles()
    namesake = create_user(
        SYSTEM, email="inna@gmina.example", name=NAME, password_hash="x", role="auditor", language="pl"
    )
    invite(SYSTEM, email=EMAIL, role="member_editor", member_id=world.koscian.id, name=NAME)
    with unit_of_work():
        member = db.session.get_one(Member, world.koscian.id)
        member.contacts = [{"name": "NOWAK ŁUCJA", "phone": "600 100 200"}, {"name": "Łucja Nowakowska", "email": ""}]
        member.grade_reason = f"Zgłosiła łucja nowak <{EMAIL.upper()}>, nie Łucja Nowak-Lis ani ta.{EMAIL}"
        record(SYSTEM, "a:b:holder", name="x", successor=f"p. {NAME}", authority="Zarządzenie 1")
        record(SYSTEM, "a:b:other", name="x", successor="Łucja Nowakowska")
        record(Actor(ref=f"user:{namesake.id}", name=NAME, grants=SYSTEM.grants), "a:b:namesake", name="y")
    chainer()(SYSTEM)
    shown = preview_named(SYSTEM, name=NAME, emails=[EMAIL.upper(), ""])
    assert (shown.mentions, shown.rows["invitations"], shown.namesakes) == ({"members": 1}, 1, 1)
    done = erase_named(SYSTEM, name=NAME, emails=[EMAIL], reason=REASON)
    assert (done.events, done.values, done.mentions) == (shown.events, shown.values, shown.mentions)
    chainer()(SYSTEM)
    assert verify_chain(SYSTEM).faults == []
    member = db.session.get_one(Member, world.koscian.id, populate_existing=True)
    assert member.contacts == [{"name": "Łucja Nowakowska", "email": ""}]
    assert member.grade_reason == f"Zgłosiła {MARK} <{MARK}>, nie Łucja Nowak-Lis ani ta.{EMAIL}"
    assert db.session.scalars(select(Invitation)).all() == []
    told = {event.tag: detail for event, detail in _events()}
    assert told["a:b:holder"].data == {"authority": "Zarządzenie 1"}
    assert told["a:b:other"].data == {"successor": "Łucja Nowakowska"}
    assert told["a:b:namesake"].actor_name == db.session.get_one(User, namesake.id).name == NAME
    assert told["records:person:erase"].data["reason"] == REASON
    with pytest.raises(Conflict, match="nothing_found"):
        erase_named(SYSTEM, name=NAME, emails=[EMAIL], reason=REASON)


@pytest.mark.one_database
def test_what_says_too_little_or_is_an_account_erases_nobody(world: World) -> None:
    ensure_roles()
    user = create_user(
        SYSTEM, email=EMAIL, name=NAME, password_hash="x", role="member_editor", member_id=world.koscian.id
    )
    for name, emails, code in (
        ("", [], "whole_name"),
        ("Nowak", [], "whole_name"),
        ("Nowak -", [EMAIL], "whole_name"),
        ("", ["nowak"], "email_bad"),
        ("", ["a@b.pl"] * 21, "emails_many"),
        ("Łucja\x00Nowak", [], "text_bad"),
    ):
        with pytest.raises(Invalid, match=code):
            preview_named(SYSTEM, name=name, emails=emails)
    with pytest.raises(Conflict, match="erase_account"):
        erase_named(SYSTEM, emails=[EMAIL.upper()], reason=REASON)
    admin = actor("association_admin")
    stale = Actor(ref=admin.ref, name="", grants=admin.grants)
    narrow = Actor(ref=admin.ref, name="", grants=admin.grants, fresh=True, kinds=frozenset({"mailboxes"}))
    for who in (stale, narrow, actor("provisioner"), world.member_admin(world.koscian)):
        with pytest.raises(NotAllowed):
            erase_named(who, name="Jan Nowak", reason=REASON)
    assert db.session.get_one(User, user.id).name == NAME


def test_a_mention_is_the_whole_name_or_address() -> None:
    found = mention("Jan Nowak", ["jan@gmina.pl"])
    for text in ("(Jan Nowak)", "NOWAK JAN, tel.", "<jan@gmina.pl>", "Do: JAN@gmina.pl.", "Jan Nowak\nul. Leśna"):
        assert found.search(text), text
    for text in (
        "Jan Nowakowski",
        "Bogdan Nowak",
        "Jan Nowak-Lis",
        "x.jan@gmina.pl",
        "jan@gmina.pl.eu",
        "xjan@gmina.pl",
    ):
        assert not found.search(text), text
    assert mention("", []).search("anything") is None


def _events() -> list[tuple[Event, EventDetail]]:
    query = select(Event, EventDetail).join(EventDetail, EventDetail.event_id == Event.id)
    return [(event, detail) for event, detail in db.session.execute(query).unique()]
