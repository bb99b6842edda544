"""Rules that must hold when two people, or two workers, act at the same moment."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

from sqlalchemy import select, update

from panel.kernel.access import SYSTEM
from panel.kernel.db import db, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, NotFound, OverLimit
from panel.ledger import usage
from panel.ledger.events import Event
from panel.mail.actions import (
    NewMailbox,
    create_mailbox,
    create_mailboxes,
    get_mailbox,
    new_activation_link,
    remove_mailbox,
    rename_mailbox,
    restore_mailbox,
    set_quota,
    suspend_mailbox,
)
from panel.mail.activation import activate
from panel.mail.desired import mailbox_item
from panel.mail.domains import create_domain
from panel.mail.grace import purge_expired
from panel.mail.models import Mailbox, MailDomain
from panel.members.grading import set_grade
from tests.worlds import SHARED, World, grant
from tests.writers import at_once, waiting

PASSWORD = "długie hasło 123"


def test_nobody_gets_more_than_is_granted(world: World) -> None:
    """Membership gives Śmigiel one mailbox: the first place, for which no usage row is there to be locked."""
    ask = partial(create_mailbox, SYSTEM, member_id=world.smigiel.id)
    made = at_once(world.app, [partial(ask, address=f"u{n}@{SHARED}") for n in range(6)])
    assert Counter(type(one).__name__ for one in made) == {"Changed": 1, "OverLimit": 5}
    db.session.commit()
    assert usage.used(world.smigiel.id) == {"mailboxes": 1, "mailbox_mb": 1024}


def test_room_that_is_left_is_given_away_once(world: World) -> None:
    grant(world.smigiel, mailboxes=3, mailbox_mb=3 * 1024)
    made = [create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"u{n}@{SHARED}").mailbox for n in range(3)]
    asked = at_once(
        world.app,
        [
            lambda: set_quota(SYSTEM, made[0].id, quota_mb=2048),
            lambda: set_quota(SYSTEM, made[1].id, quota_mb=2048),
            lambda: create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"last@{SHARED}"),
        ],
    )
    assert sum(isinstance(one, OverLimit) for one in asked) == 2, asked
    db.session.commit()
    assert usage.used(world.smigiel.id)["mailbox_mb"] == 4 * 1024


def test_batches_for_the_same_members_in_other_orders_never_block_each_other(world: World) -> None:
    grant(world.smigiel, mailboxes=1000, mailbox_mb=1_024_000)

    def batch(name: str, *, turned: bool) -> object:
        members = [world.koscian, world.smigiel][:: -1 if turned else 1]
        wanted = [NewMailbox(member_id=one.id, address=f"{name}{n}@{SHARED}") for n, one in enumerate(members * 20)]
        return create_mailboxes(SYSTEM, wanted)

    made = at_once(world.app, [partial(batch, f"b{n}x", turned=bool(n % 2)) for n in range(6)])
    assert [type(one) for one in made] == [list] * 6, made
    db.session.commit()
    assert usage.used(world.koscian.id)["mailboxes"] == usage.used(world.smigiel.id)["mailboxes"] == 120


def test_an_address_goes_to_one_of_those_who_ask(world: World) -> None:
    made = at_once(world.app, [lambda: create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")] * 6)
    assert Counter(type(one).__name__ for one in made) == {"Changed": 1, "Conflict": 5}
    assert {one.code for one in made if isinstance(one, Conflict)} == {"taken"}


def test_two_changes_at_once_are_two_generations(world: World) -> None:
    """Were they one, a node that has the first already would never be given the second."""
    box = _box(world)
    with unit_of_work():
        set_quota(SYSTEM, box.id, quota_mb=2048)
        db.session.flush()
        ended = waiting(world.app, lambda: suspend_mailbox(SYSTEM, box.id))
    assert not isinstance(ended(), Exception)
    now = _now(box)
    assert (now.wanted_generation, now.quota_mb, now.suspended_at is not None) == (3, 2048, True)


def test_a_mailbox_is_removed_and_restored_once(world: World) -> None:
    box = _box(world)
    gone = at_once(world.app, [lambda: remove_mailbox(SYSTEM, box.id)] * 4)
    assert Counter(type(one).__name__ for one in gone) == {"Changed": 1, "Conflict": 3}
    db.session.commit()
    assert usage.used(world.koscian.id) == {"mailboxes": 0, "mailbox_mb": 0}
    back = at_once(world.app, [lambda: restore_mailbox(SYSTEM, box.id)] * 4)
    assert Counter(type(one).__name__ for one in back) == {"Changed": 1, "Conflict": 3}
    db.session.commit()
    assert usage.used(world.koscian.id) == {"mailboxes": 1, "mailbox_mb": 1024}


def test_a_grade_and_a_change_of_a_mailbox_wait_for_each_other_and_the_grade_reaches_it(world: World) -> None:
    """Whoever holds a mailbox holds its member too: had the grade been faster there, each would wait for the other."""
    box = _box(world)
    with unit_of_work():
        get_mailbox(SYSTEM, box.id, permission="mail:write", for_change=True)
        ended = waiting(world.app, lambda: set_grade(SYSTEM, world.koscian.id, grade="no_send"))
        set_quota(SYSTEM, box.id, quota_mb=2048)
        rename_mailbox(SYSTEM, box.id, address=f"inny.miasto-koscian@{SHARED}")
    assert not isinstance(ended(), Exception)
    assert (_now(box).wanted_generation, mailbox_item(_now(box)).grade) == (4, "no_send")  # type: ignore[union-attr]  # no Gone
    set_grade(SYSTEM, world.koscian.id, grade=None)
    remove_mailbox(SYSTEM, box.id)
    with unit_of_work():
        restored = restore_mailbox(SYSTEM, box.id).mailbox.wanted_generation
        db.session.flush()
        ended = waiting(world.app, lambda: set_grade(SYSTEM, world.koscian.id, grade="closed"))
    assert not isinstance(ended(), Exception)
    assert (_now(box).wanted_generation, mailbox_item(_now(box)).grade) == (restored + 1, "closed")  # type: ignore[union-attr]  # no Gone


def test_a_link_is_used_up_once_and_never_on_a_removed_mailbox(world: World) -> None:
    box = _box(world)
    for remove in (False, True):
        use = partial(activate, new_activation_link(SYSTEM, box.id).activation_token or "", password=PASSWORD)
        got = at_once(world.app, [use, partial(remove_mailbox, SYSTEM, box.id) if remove else use])
        assert sum(isinstance(one, tuple) for one in got) <= 1
        assert {type(one) for one in got if isinstance(one, Exception)} <= {NotFound}, got


def test_workers_that_purge_at_once_purge_each_mailbox_once(world: World) -> None:
    boxes = [_box(world, f"u{n}") for n in range(20)]
    for box in boxes:
        remove_mailbox(SYSTEM, box.id)
    with unit_of_work():
        db.session.execute(update(Mailbox).values(purge_at=utcnow() - timedelta(seconds=1)))
    purged = at_once(world.app, [lambda: purge_expired(SYSTEM)] * 4)
    assert sum(one for one in purged if isinstance(one, int)) == 20, purged
    assert {_now(box).wanted_generation for box in boxes} == {3}
    assert len(list(db.session.scalars(select(Event.id).where(Event.tag == "mail:mailbox:purge")))) == 20


def test_a_domain_goes_to_one_of_those_who_ask(world: World) -> None:
    made = at_once(world.app, [lambda: create_domain(SYSTEM, name="gmina.example", member_id=world.koscian.id)] * 4)
    assert Counter(type(one).__name__ for one in made) == {"MailDomain": 1, "Conflict": 3}
    assert len(list(db.session.scalars(select(MailDomain).where(MailDomain.name == "gmina.example")))) == 1


def _box(world: World, name: str = "urzad") -> Mailbox:
    return create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"{name}@{SHARED}").mailbox


def _now(box: Mailbox) -> Mailbox:
    db.session.commit()
    found = read_row(Mailbox, box.id)
    assert found is not None
    return found
