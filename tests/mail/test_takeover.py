"""A mailbox changes hands: by a document, with both names, and nothing of the earlier holder opens it any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger.events import Event
from panel.ledger.notices import Notice
from panel.mail.actions import create_mailbox, new_activation_link, remove_mailbox
from panel.mail.activation import activate, find_link
from panel.mail.desired import mailbox_item
from panel.mail.models import Mailbox
from panel.mail.takeover import MailboxHolder, hand_back, holders_of, take_over
from tests.worlds import SHARED, World, actor

ORDER = "Zarządzenie nr 12/2026"


def test_the_successor_gets_a_link_and_the_earlier_password_and_links_are_void(world: World) -> None:
    box = _mailbox(world, password="cztery słowa nie do pary")
    old = new_activation_link(SYSTEM, box.id).activation_token
    generation = box.wanted_generation
    assert mailbox_item(box).login == "open"  # type: ignore[union-attr]  # a mailbox
    changed = take_over(world.member_admin(world.koscian), box.id, successor="Ewa Nowa", authority=ORDER,
                        earlier="Jan Dawny")  # fmt: skip
    assert changed.mailbox.wanted_generation == generation + 1, "sessions end on the node"
    assert changed.mailbox.login == "waiting"
    assert changed.job is not None
    with pytest.raises(NotFound):
        find_link(str(old))
    now, before = holders_of(changed.mailbox)
    assert (now.name, now.authority, now.until, before.name, before.until) == ("Ewa Nowa", ORDER, None, "Jan Dawny",
                                                                              now.since)  # fmt: skip
    event = db.session.scalars(select(Event).where(Event.tag == "mail:mailbox:take-over")).one()
    assert event.detail is not None
    assert event.detail.data == {"earlier": "Jan Dawny", "successor": "Ewa Nowa", "authority": ORDER}
    notice = db.session.scalars(select(Notice)).one()
    assert (notice.code, notice.permission, notice.member_id) == ("mailbox:handed_over", "mail:takeover",
                                                                 world.koscian.id)  # fmt: skip
    assert str(changed.activation_token) not in repr((notice.params, event.detail.data, changed))
    activate(str(changed.activation_token), password="pięć innych słów nie do pary")
    assert db.session.get_one(Mailbox, box.id, populate_existing=True).login == "open"


def test_what_is_handed_over_can_be_handed_back_for_a_time(world: World) -> None:
    who, box = world.member_admin(world.koscian), _mailbox(world)
    with pytest.raises(Conflict) as never:
        hand_back(who, box.id)
    assert never.value.code == "hand_back_none"
    take_over(who, box.id, successor="Ewa Nowa", authority=ORDER)
    with pytest.raises(Conflict):
        hand_back(who, box.id)  # who held it before was never told
    take_over(who, box.id, successor="Adam Zły", authority="Zarządzenie nr 13/2026")
    back = hand_back(who, box.id)
    assert [holder.name for holder in holders_of(back.mailbox)] == ["Ewa Nowa", "Adam Zły", "Ewa Nowa", ""]
    assert back.activation_token is not None
    with unit_of_work():
        db.session.execute(update(MailboxHolder).values(since=utcnow() - timedelta(days=400)))
    with pytest.raises(Conflict) as late:
        hand_back(who, box.id)
    assert late.value.code == "hand_back_late"


@pytest.mark.one_database
def test_it_takes_a_successor_and_a_document_and_the_right_to(world: World) -> None:
    who, box = world.member_admin(world.koscian), _mailbox(world)
    for field, bad in (
        ("successor", ""),
        ("successor", "x" * 101),
        ("authority", "ustnie"),
        ("authority", "Zarządzenie\x07 nr 12"),
    ):
        with pytest.raises(Invalid) as refused:
            take_over(who, box.id, **{"successor": "Ewa Nowa", "authority": ORDER, field: bad})
        assert refused.value.field == field
    for other in ("support", "auditor"):
        with pytest.raises(NotAllowed):
            take_over(actor(other), box.id, successor="Ewa Nowa", authority=ORDER)
    with pytest.raises(NotFound):
        take_over(world.member_admin(world.smigiel), box.id, successor="Ewa Nowa", authority=ORDER)
    assert take_over(actor("provisioner"), box.id, successor="Ewa Nowa", authority=ORDER).job is not None
    remove_mailbox(SYSTEM, box.id)
    with pytest.raises(Conflict):
        take_over(who, box.id, successor="Ewa Nowa", authority=ORDER)


def _mailbox(world: World, *, password: str | None = None) -> Mailbox:
    return create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"biuro@{SHARED}", password=password).mailbox
