"""How much mailboxes hold: kept as told, summed for a member, and told to people before a mailbox is full."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from panel.contracts.usage_days import note_usage, usage_of
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, read_row
from panel.kernel.errors import NotAllowed
from panel.ledger.events import Event
from panel.ledger.notices import Notice
from panel.mail.actions import NewMailbox, create_mailboxes, remove_mailbox, set_quota
from panel.mail.models import Mailbox
from panel.mail.use import keep_use, level_of, nearly_full, use_of
from panel.mail.use_days import MAIL_KEPT, note_mail_use
from tests.worlds import SHARED, World, actor

MIB = 1024


def test_a_mailbox_that_fills_is_told_of_once_at_each_level_and_again_after_it_was_emptied(world: World) -> None:
    box = _boxes(world, 1)[0]
    before = box.updated_at
    for mib, told in [(79, []), (80, [80]), (94, [80]), (95, [80, 95]), (91, [80, 95]), (96, [80, 95]), (60, [80, 95]),
                      (None, [80, 95]), (85, [80, 95, 80])]:  # fmt: skip
        keep_use(SYSTEM, world.node.id, {box.id: None if mib is None else mib * MIB})
        notices = db.session.scalars(select(Notice).where(Notice.code == "mailbox:nearly_full").order_by(Notice.id))
        assert [notice.params["level"] for notice in notices] == told, mib
    row = read_row(Mailbox, box.id)
    assert row is not None
    assert (row.used_mb, row.updated_at, row.wanted_generation) == (85, before, 1)
    events = db.session.scalars(select(Event).where(Event.tag == "mail:mailbox:nearly_full")).all()
    assert [event.resource_id for event in events] == [box.id] * 3


def test_many_that_fill_at_once_are_one_message_to_their_member(world: World) -> None:
    boxes = _boxes(world, 60)
    keep_use(SYSTEM, world.node.id, {box.id: 81 * MIB for box in boxes})
    (notice,) = db.session.scalars(select(Notice).where(Notice.code == "mailbox:nearly_full"))
    assert (notice.permission, notice.member_id) == ("mail:write", world.koscian.id)
    assert (notice.params["count"], notice.params["addresses"].count("@")) == (60, 5)


def test_a_member_sees_what_its_mailboxes_hold_together_and_which_are_nearly_full(world: World) -> None:
    boxes = _boxes(world, 5)
    keep_use(
        SYSTEM, world.node.id, {box.id: kib for box, kib in zip(boxes, (1, 82 * MIB, 97 * MIB, 97 * MIB), strict=False)}
    )
    remove_mailbox(SYSTEM, boxes[3].id)
    use = use_of(world.koscian.id)
    assert (use.held_mb, use.known, use.near, use.full) == (1 + 82 + 97, 3, 1, 1)
    assert [box.id for box in nearly_full(world.koscian.id)] == [boxes[2].id, boxes[1].id]
    set_quota(SYSTEM, boxes[2].id, quota_mb=1000)
    set_quota(SYSTEM, boxes[0].id, quota_mb=1)
    assert [box.id for box in nearly_full(world.koscian.id)] == [boxes[0].id, boxes[1].id]
    assert use_of(world.smigiel.id).known == 0


def test_what_is_kept_is_noted_once_a_day_after_what_is_granted(world: World) -> None:
    boxes = _boxes(world, 2)
    keep_use(SYSTEM, world.node.id, {boxes[0].id: 30 * MIB, boxes[1].id: 12 * MIB})
    assert [note_mail_use(SYSTEM), note_usage(SYSTEM), note_mail_use(SYSTEM), note_mail_use(SYSTEM)] == [0, 2, 1, 0]
    assert [(row.used, row.granted) for row in usage_of(world.koscian.id, MAIL_KEPT)] == [(42, 200)]


@pytest.mark.one_database
def test_only_the_panel_itself_writes_it_and_only_of_the_nodes_own_mailboxes(world: World) -> None:
    box = _boxes(world, 1)[0]
    assert keep_use(SYSTEM, world.koscian.id, {box.id: 5}) == 0
    with pytest.raises(NotAllowed):
        keep_use(actor("support"), world.node.id, {box.id: 5})
    assert [level_of(*one) for one in ((None, 1), (0, 1), (1, 1), (79, 100), (94, 100))] == [0, 0, 95, 0, 80]


def _boxes(world: World, count: int) -> list[Mailbox]:
    wanted = [
        NewMailbox(member_id=world.koscian.id, address=f"koscian.u{one}@{SHARED}", quota_mb=100) for one in range(count)
    ]
    return [changed.mailbox for changed in create_mailboxes(SYSTEM, wanted)]
