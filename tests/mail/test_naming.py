"""Whose names in the shared domain are."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import update

from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, PanelError
from panel.kernel.text import likeness
from panel.ledger.events import Event
from panel.ledger.names import ReleasedName
from panel.mail.actions import NewMailbox, create_mailbox, create_mailboxes, remove_mailbox, rename_mailbox
from panel.mail.domains import create_domain
from panel.mail.grace import purge_expired
from panel.mail.models import Mailbox
from panel.members.actions import create_member, update_member
from panel.members.models import Member
from tests.worlds import SHARED, World, actor, grant

OWN = ["miasto-koscian", "jan.miasto-koscian", "miasto-koscian.jan", "a.b.miasto-koscian", "Jan.Miasto-Koscian"]
NOT_OWN = [
    "jan",
    "koscian",
    "miasto.koscian",
    "janmiasto-koscian",
    "jan-miasto-koscian",
    "miasto-koscian-jan",
    "szkola",
]
NOBODYS = ["", "*", "@", "postmaster", "abuse", "jan+x.miasto-koscian", "ł.miasto-koscian", "miasto-koscian.", "a b"]


@pytest.mark.one_database
def test_a_member_takes_its_short_name_and_what_stands_before_or_after_it(world: World) -> None:
    own = world.member_admin(world.koscian)
    for local in OWN:
        assert _ask(own, world.koscian, local) == ""
    for local in NOT_OWN:
        assert _ask(own, world.koscian, local) == "address_not_own", local
        assert _ask(actor("provisioner"), world.koscian, local) == "", local
    for local in NOBODYS:
        assert _ask(actor("provisioner"), world.koscian, local).startswith("address_"), local
    told = _error(own, world.koscian, "jan")
    assert (told.params["slug"], told.field, isinstance(told, Invalid)) == ("miasto-koscian", "address", True)


@pytest.mark.one_database
def test_names_with_two_members_in_them_are_a_provisioners_to_give(world: World) -> None:
    srem, lubin = (_member(slug) for slug in ("srem", "lubin"))
    for member in (srem, lubin):
        for local in ("srem.lubin", "lubin.srem", "srem.jan.lubin"):
            assert _ask(world.member_admin(member), member, local) == "address_not_own", local
    assert _ask(world.member_admin(srem), srem, "lubin") == "reserved"
    assert _ask(SYSTEM, srem, "lubin") == "reserved"
    assert _ask(world.member_admin(srem), srem, "srem.powiat") == ""
    assert _ask(actor("provisioner"), srem, "srem.lubin") == ""
    town, rural = world.koscian, _member("gmina-koscian")
    assert _ask(world.member_admin(rural), rural, "miasto-koscian.gmina-koscian") == "address_not_own"
    assert _ask(world.member_admin(rural), rural, "urzad.gmina-koscian") == ""
    assert _ask(world.member_admin(town), town, "koscian.miasto-koscian") == ""


@pytest.mark.one_database
def test_a_members_own_domain_is_its_own(world: World) -> None:
    create_domain(SYSTEM, name="koscian.example", member_id=world.koscian.id)
    own = world.member_admin(world.koscian)
    for local in ("jan", "info", "srem.lubin"):
        assert create_mailbox(own, member_id=world.koscian.id, address=f"{local}@koscian.example", quota_mb=1).job


def test_what_was_released_waits_for_its_member_and_is_nobodys_else_for_five_years(world: World) -> None:
    grant(world.smigiel, mailboxes=50, mailbox_mb=1000)
    address = f"jan@{SHARED}"
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=address, quota_mb=1).mailbox
    rename_mailbox(SYSTEM, box.id, address=f"jan.miasto-koscian@{SHARED}")
    assert _ask(SYSTEM, world.smigiel, "jan") == "taken", "it is an alias now"
    _purge(box.id)
    assert _ask(SYSTEM, world.smigiel, "jan") == "released"
    assert _ask(world.member_admin(world.smigiel), world.smigiel, "jan", reason="I want it") == "address_not_own"
    _age(timedelta(days=5 * 366))
    back = create_mailbox(SYSTEM, member_id=world.smigiel.id, address=address, quota_mb=1).mailbox
    _purge(back.id)
    again = create_mailbox(SYSTEM, member_id=world.smigiel.id, address=address, quota_mb=1).mailbox
    _purge(again.id)
    taken = create_mailbox(SYSTEM, member_id=world.koscian.id, address=address, quota_mb=1, reason="  a  court order ")
    told = db.session.query(Event).filter_by(tag="mail:mailbox:create", resource_id=taken.mailbox.id).one()
    assert told.detail is not None
    assert told.detail.data == {"quota_mb": 1, "reason": "a court order"}
    with pytest.raises(Invalid, match="text_long"):
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"x@{SHARED}", quota_mb=1, reason="x" * 201)


@pytest.mark.one_database
def test_a_short_name_that_was_given_up_waits_too(world: World) -> None:
    update_member(SYSTEM, world.koscian.id, slug="koscian")
    other = _member("inny")
    with pytest.raises(Conflict, match="released"):
        update_member(SYSTEM, other.id, slug="miasto-koscian")
    with pytest.raises(Conflict, match="released"):
        create_member(SYSTEM, name="Kościan", kind="other", slug="miasto-koscian")
    assert _ask(world.member_admin(other), other, "inny.miasto-koscian") == "address_not_own"
    assert _ask(SYSTEM, other, "miasto-koscian") == "reserved"
    assert _ask(world.member_admin(world.koscian), world.koscian, "jan.koscian") == ""
    update_member(SYSTEM, world.koscian.id, slug="miasto-koscian")


def test_near_doubles_of_other_members_warn_and_ones_own_do_not(world: World) -> None:
    grant(world.smigiel, mailboxes=50, mailbox_mb=1000)
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"modern.lo1@{SHARED}", quota_mb=1).mailbox
    rename_mailbox(SYSTEM, box.id, address=f"wil@{SHARED}")
    for local in ("modernlo1", "m0dern-l01", "rnodern_lol", "vvil", "w.il"):
        made = create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"{local}@{SHARED}", quota_mb=1)
        assert made.warnings == ("near_double",), local
    assert create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"model@{SHARED}", quota_mb=1).warnings == ()
    changed = rename_mailbox(SYSTEM, made.mailbox.id, address=f"m.odernlol@{SHARED}")
    assert changed.warnings == ("near_double",)
    batch = [
        NewMailbox(member_id=world.koscian.id, address=f"ola@{SHARED}", quota_mb=1),
        NewMailbox(member_id=world.smigiel.id, address=f"0la@{SHARED}", quota_mb=1),
        NewMailbox(member_id=world.smigiel.id, address=f"o-la@{SHARED}", quota_mb=1),
        NewMailbox(member_id=world.smigiel.id, address=f"ewa@{SHARED}", quota_mb=1),
        NewMailbox(member_id=world.smigiel.id, address=f"e-wa@{SHARED}", quota_mb=1),
    ]
    assert [len(one.warnings) for one in create_mailboxes(SYSTEM, batch)] == [1, 1, 1, 0, 0]


def test_what_looks_alike_is_the_same_for_the_eye() -> None:
    assert likeness("kornel.l0") == likeness("komel-lo") == likeness("kome1_1o") == "komello"
    assert likeness("a@b.pl") != likeness("b@a.pl")


def _error(who: Actor, member: Member, local: str, *, reason: str = "") -> PanelError:
    """Ask for an address and tell why it is refused; one that is given is taken back at once."""
    try:
        with unit_of_work():
            create_mailbox(who, member_id=member.id, address=f"{local}@{SHARED}", quota_mb=1, reason=reason)
            raise Conflict("")
    except PanelError as error:
        return error


def _ask(who: Actor, member: Member, local: str, *, reason: str = "") -> str:
    return _error(who, member, local, reason=reason).code


def _member(slug: str) -> Member:
    with unit_of_work():
        member = Member(id=new_id(), name=slug.title(), kind="other", slug=slug)
        db.session.add(member)
    grant(member, mailboxes=50, mailbox_mb=1000)
    return member


def _purge(mailbox_id: uuid.UUID) -> None:
    remove_mailbox(SYSTEM, mailbox_id)
    with unit_of_work():
        past = utcnow() - timedelta(days=1)
        db.session.execute(update(Mailbox).where(Mailbox.id == mailbox_id).values(purge_at=past))
    assert purge_expired(SYSTEM) == 1


def _age(by: timedelta) -> None:
    with unit_of_work():
        db.session.execute(update(ReleasedName).values(released_at=utcnow() - by))
