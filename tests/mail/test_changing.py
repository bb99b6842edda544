"""Many mailboxes changed at once: by the same rules as one, in the same words, and only to what was shown."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select

from panel.kernel.access import ROLES, SYSTEM, Actor, Reach
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger import usage
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.mail import actions
from panel.mail.actions import NewMailbox, create_mailboxes, rename_mailbox
from panel.mail.activation import find_link
from panel.mail.changing import ChangedMany, change_mailboxes
from panel.mail.choosing import Choice, Wish, plan_changes
from panel.mail.models import Alias, Mailbox
from tests.worlds import SHARED, World, actor, grant

SAME = ("want", "wanted_generation", "quota_mb", "use_told", "problem_code", "attempts", "retry_at", "plan_id")


@pytest.mark.parametrize(
    ("action", "before"),
    [("suspend", ()), ("resume", ("suspend",)), ("remove", ()), ("restore", ("remove",)), ("quota", ())],
)
def test_many_become_what_one_becomes(world: World, action: str, before: tuple[str, ...]) -> None:
    one, *others = make(world, 3)
    rename_mailbox(SYSTEM, one, address=f"inna@{SHARED}")
    rename_mailbox(SYSTEM, others[0], address=f"druga@{SHARED}")
    for id_ in (one, *others):
        for step in before:
            singly(step, id_)
    used = usage.used(world.koscian.id)
    singly(action, one)
    each = Counter(usage.used(world.koscian.id))
    each.subtract(used)
    done = change(action, others)
    assert done.plan.counts == {"change": 2}
    assert usage.used(world.koscian.id) == {kind: used[kind] + 3 * each[kind] for kind in used}
    first, *rest = (facts(id_) for id_ in (one, *others))
    assert rest[0] == first
    assert rest[1] == {**first, "aliases": [], "wanted_generation": first["wanted_generation"] - 1}
    tags = db.session.scalars(select(Event.tag).order_by(Event.id.desc()).limit(2)).all()
    assert set(tags) == {f"mail:mailbox:{action}"}
    assert [(job.cause, job.resource_id) for job in done.jobs] == [(f"mail:mailbox:{action}", None)]


def test_what_is_so_already_stays_and_what_cannot_be_is_told(world: World) -> None:
    first, second, third = make(world, 3)
    actions.suspend_mailbox(SYSTEM, first)
    actions.remove_mailbox(SYSTEM, second)
    plan = plan_changes(SYSTEM, Wish(action="suspend"), Choice(ids=[first, second, third]))
    verdicts = {line.row.id: (line.verdict, line.error and line.error.code) for line in plan.lines}
    assert verdicts == {first: ("unchanged", None), second: ("refused", "removed"), third: ("change", None)}
    jobs = db.session.scalar(select(func.count(Job.id)))
    done = change_mailboxes(SYSTEM, Wish(action="suspend"), Choice(ids=[first, second, third]), digest=plan.digest)
    assert len(done.jobs) == 1
    again = change("suspend", [first, second, third])
    assert (again.jobs, again.plan.counts["change"]) == ([], 0)
    assert db.session.scalar(select(func.count(Job.id))) == (jobs or 0) + 1


def test_nothing_is_done_where_something_else_would_be_done_than_was_shown(world: World) -> None:
    ids = make(world, 2)
    wish = Wish(action="remove")
    plan = plan_changes(SYSTEM, wish, Choice(search="osoba"))
    actions.set_quota(SYSTEM, ids[0], quota_mb=5)
    with pytest.raises(Conflict, match="changes_other"):
        change_mailboxes(SYSTEM, wish, Choice(search="osoba"), digest=plan.digest)
    assert db.session.scalar(select(func.count(Mailbox.id)).where(Mailbox.want == "put")) == 2


def test_room_is_asked_for_all_of_a_member_together(world: World) -> None:
    grant(world.smigiel, mailboxes=2, mailbox_mb=2_048)
    ids, other = make(world, 2), make(world, 2, member=world.smigiel)
    done = change("quota", [*ids, *other], quota_mb=2_000)
    assert {line.row.id: line.error and line.error.code for line in done.plan.lines} == {
        **dict.fromkeys(ids), **dict.fromkeys(other, "over_limit"),
    }  # fmt: skip
    assert facts(other[0])["quota_mb"] == 1_024


def test_links_go_to_those_that_wait_for_one(world: World) -> None:
    waiting, open_ = make(world, 2)
    actions.set_password(SYSTEM, open_, password="zielony kajak płynie wolno")
    done = change("activation", [waiting, open_])
    assert (list(done.tokens), done.jobs) == ([waiting], [])
    assert find_link(done.tokens[waiting]).mailbox_id == waiting
    assert done.tokens[waiting] not in repr(done)


def test_only_what_is_in_reach_is_chosen_and_only_with_the_right(world: World) -> None:
    grant(world.smigiel, mailboxes=2, mailbox_mb=4_096)
    (own,), (foreign,) = make(world, 1), make(world, 1, member=world.smigiel)
    clerk, wish = world.member_admin(world.koscian), Wish(action="suspend")
    for absent in (foreign, uuid.uuid4()):
        with pytest.raises(NotFound):
            change_mailboxes(clerk, wish, Choice(ids=[own, absent]))
    with pytest.raises(NotAllowed):
        change_mailboxes(actor("member_editor", world.koscian), wish, Choice(ids=[own]))
    both = Actor(ref="x", name="x", grants=(
        Reach(permissions=ROLES["member_admin"], member_ids=frozenset({world.koscian.id})),
        Reach(permissions=ROLES["member_editor"], member_ids=frozenset({world.smigiel.id})),
    ))  # fmt: skip
    done = change_mailboxes(both, wish, Choice(search="osoba"))
    assert [line.row.id for line in done.plan.lines] == [own]
    for choice in (Choice(ids=[]), Choice(search="nie-ma")):
        with pytest.raises(Invalid, match="number_range"):
            change_mailboxes(clerk, wish, choice)
    with pytest.raises(Invalid, match="required"):
        plan_changes(clerk, Wish(action="quota"), Choice(ids=[own]))


def make(world: World, count: int, *, member: Any = None) -> list[uuid.UUID]:
    owner = member or world.koscian
    new = [NewMailbox(member_id=owner.id, address=f"osoba{n}.{owner.slug}@{SHARED}") for n in range(count)]
    return [changed.mailbox.id for changed in create_mailboxes(SYSTEM, new)]


def change(action: str, ids: list[uuid.UUID], *, quota_mb: int = 7) -> ChangedMany:
    return change_mailboxes(SYSTEM, wish(action, quota_mb), Choice(ids=ids))


def wish(action: str, quota_mb: int) -> Wish:
    return Wish(action=action, quota_mb=quota_mb if action == "quota" else None)


def singly(action: str, id_: uuid.UUID) -> None:
    if action == "quota":
        actions.set_quota(SYSTEM, id_, quota_mb=7)
    else:
        getattr(actions, f"{action}_mailbox")(SYSTEM, id_)


def facts(id_: uuid.UUID) -> dict[str, Any]:
    """What one mailbox and its aliases are, but for times."""
    db.session.expire_all()
    box = db.session.get_one(Mailbox, id_)
    aliases = db.session.scalars(select(Alias).where(Alias.mailbox_id == id_))
    return {name: getattr(box, name) for name in SAME} | {
        "suspended": box.suspended_at is not None,
        "removed": (box.removed_at is not None, box.purge_at is not None),
        "links": [link.voided_at is not None for link in box.links],
        "aliases": [(alias.want, alias.wanted_generation) for alias in aliases],
    }
