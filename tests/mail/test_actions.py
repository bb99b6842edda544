"""The rules about mailboxes, tested where they live: edges only translate."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit, PanelError
from panel.ledger import usage
from panel.ledger.events import Event, events_query
from panel.ledger.jobs import Job
from panel.ledger.names import Name
from panel.mail.actions import (
    NewMailbox,
    create_mailbox,
    create_mailboxes,
    get_mailbox,
    new_activation_link,
    remove_mailbox,
    rename_mailbox,
    restore_mailbox,
    resume_mailbox,
    set_password,
    set_quota,
    suspend_mailbox,
)
from panel.mail.activation import activate, find_link
from panel.mail.aliases import aliases_of
from panel.mail.finding import mailboxes_query
from panel.mail.grace import purge_expired
from panel.mail.models import Alias, Mailbox
from tests.worlds import SHARED, World, actor, grant

BAD_ADDRESSES = [
    "a\nb@info.wokiss.pl",
    "a\x00b@info.wokiss.pl",
    '"a b"@info.wokiss.pl',
    "../etc@info.wokiss.pl",
    "a/b@info.wokiss.pl",
    "-a@info.wokiss.pl",
    ".a@info.wokiss.pl",
    "a.@info.wokiss.pl",
    "a..b@info.wokiss.pl",
    "a+b@info.wokiss.pl",
    "a" * 65 + "@info.wokiss.pl",
    "a" * 300 + "@info.wokiss.pl",
    "a@" + "b." * 150 + "pl",
    "a\u202eb@info.wokiss.pl",
    "\u0430dmin@info.wokiss.pl",
    "Zażółć@info.wokiss.pl",
    "a b@info.wokiss.pl",
    "a@@info.wokiss.pl",
    "a@info.wokiss.pl@info.wokiss.pl",
    "info.wokiss.pl",
    "@info.wokiss.pl",
    "",
    "a@nobody.example",
    "postmaster@info.wokiss.pl",
    "abuse@info.wokiss.pl",
    "webmaster@info.wokiss.pl",
    "info@info.wokiss.pl",
]


@pytest.mark.one_database
@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_bad_address_is_refused_by_name_and_nothing_is_written(world: World, address: str) -> None:
    before = _rows()
    with pytest.raises(Invalid) as refused:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=address)
    assert refused.value.field == "address"
    assert _rows() == before


@pytest.mark.one_database
@pytest.mark.parametrize("quota", [-1, 0, 0.5, "x", "5", 10**15, True, None])
def test_bad_quota_is_refused_by_name_and_nothing_is_written(world: World, quota: object) -> None:
    before = _rows()
    with pytest.raises(Invalid) as refused:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}", quota_mb=quota)  # type: ignore[arg-type]  # bad
    assert refused.value.field == "quota_mb"
    assert _rows() == before


@pytest.mark.one_database
@pytest.mark.parametrize("password", ["short", "x" * 257, "with\ncontrol chars"])
def test_bad_password_is_refused_by_name_and_nothing_is_written(world: World, password: str) -> None:
    before = _rows()
    with pytest.raises(Invalid) as refused:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}", password=password)
    assert refused.value.field == "password"
    assert _rows() == before


def test_a_new_mailbox_waits_and_rings_once(world: World) -> None:
    world.rings.clear()
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"Urzad@{SHARED}")
    assert made.mailbox.address == f"urzad@{SHARED}"
    assert (made.mailbox.state, made.mailbox.login, made.mailbox.wanted_generation) == ("pending", "waiting", 1)
    assert made.activation_token is not None
    assert made.job is not None
    assert made.job.state == "queued"
    assert world.rings == [world.node.id]
    assert usage.used(world.koscian.id) == {"mailboxes": 1, "mailbox_mb": 1024}


def test_a_mailbox_with_a_password_is_open_and_has_no_link(world: World) -> None:
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}", password="długie hasło 123")
    assert made.activation_token is None
    assert made.mailbox.login == "open"
    assert (made.mailbox.password_hash or "").startswith("{ARGON2ID}$argon2id$")


def test_a_taken_address_is_a_conflict(world: World) -> None:
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    with pytest.raises(Conflict) as refused:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"A@{SHARED}")
    assert (refused.value.code, refused.value.field) == ("taken", "address")


def test_an_address_taken_by_an_alias_is_a_conflict(world: World) -> None:
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"old@{SHARED}")
    rename_mailbox(SYSTEM, made.mailbox.id, address=f"new@{SHARED}")
    with pytest.raises(Conflict) as refused:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"old@{SHARED}")
    assert refused.value.code == "taken"


def test_the_statutory_address_of_another_member_is_reserved(world: World) -> None:
    with pytest.raises(Conflict) as refused:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"smigiel@{SHARED}")
    assert (refused.value.code, refused.value.field) == ("reserved", "address")


def test_contracts_limit_what_a_member_gets(world: World) -> None:
    create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"smigiel@{SHARED}")
    with pytest.raises(OverLimit) as refused:
        create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"second@{SHARED}")
    assert refused.value.params["granted"] == 1
    grant(world.smigiel, mailboxes=1, mailbox_mb=1024)
    create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"second@{SHARED}")


def test_many_are_made_in_one_job_or_none_at_all(world: World) -> None:
    jobs = _count(Job)
    wanted = [NewMailbox(member_id=world.koscian.id, address=f"u{number}@{SHARED}") for number in range(100)]
    made = create_mailboxes(SYSTEM, wanted)
    assert len({changed.job.id for changed in made if changed.job}) == 1
    assert _count(Job) == jobs + 1
    assert usage.used(world.koscian.id) == {"mailboxes": 100, "mailbox_mb": 102_400}
    assert len({changed.activation_token for changed in made}) == 100
    before = _rows()
    with pytest.raises(Conflict) as refused:
        create_mailboxes(
            SYSTEM, [NewMailbox(member_id=world.koscian.id, address=f"{name}@{SHARED}") for name in ("v", "u7")]
        )
    assert refused.value.params["row"] == 1
    assert _rows() == before


def test_a_stranger_cannot_tell_a_foreign_mailbox_from_an_absent_one(world: World) -> None:
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    stranger = world.member_admin(world.smigiel)
    for call in (get_mailbox, suspend_mailbox, resume_mailbox, remove_mailbox, new_activation_link):
        with pytest.raises(NotFound):
            call(stranger, made.mailbox.id)
    assert not list(db.session.scalars(mailboxes_query(stranger)))
    with pytest.raises(NotFound):
        create_mailbox(stranger, member_id=world.koscian.id, address=f"b@{SHARED}")


def test_a_role_without_the_permission_is_told_so_about_its_own(world: World) -> None:
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    editor = actor("member_editor", world.koscian)
    assert get_mailbox(editor, made.mailbox.id).id == made.mailbox.id
    with pytest.raises(NotAllowed):
        suspend_mailbox(editor, made.mailbox.id)


def test_suspension_is_remembered_and_undone(world: World) -> None:
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}", password="długie hasło 123")
    box = suspend_mailbox(SYSTEM, made.mailbox.id).mailbox
    assert (box.login, box.wanted_generation) == ("blocked", 2)
    assert suspend_mailbox(SYSTEM, box.id).job is None
    box = resume_mailbox(SYSTEM, box.id).mailbox
    assert (box.login, box.wanted_generation) == ("open", 3)


def test_quota_counts_the_difference(world: World) -> None:
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    set_quota(SYSTEM, made.mailbox.id, quota_mb=2048)
    assert usage.used(world.koscian.id)["mailbox_mb"] == 2048
    with pytest.raises(OverLimit) as refused:
        set_quota(SYSTEM, made.mailbox.id, quota_mb=1_048_576)
    assert refused.value.field == "quota_mb"


def test_renamed_keeps_the_old_address_and_can_go_back(world: World) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"old@{SHARED}").mailbox
    rename_mailbox(SYSTEM, box.id, address=f"new@{SHARED}")
    assert [alias.address for alias in aliases_of(box)] == [f"old@{SHARED}"]
    rename_mailbox(SYSTEM, box.id, address=f"old@{SHARED}")
    assert box.address == f"old@{SHARED}"
    assert [alias.address for alias in aliases_of(box)] == [f"new@{SHARED}"]


def test_removed_is_kept_and_comes_back_with_its_aliases(world: World) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"old@{SHARED}").mailbox
    rename_mailbox(SYSTEM, box.id, address=f"new@{SHARED}")
    remove_mailbox(SYSTEM, box.id)
    assert usage.used(world.koscian.id) == {"mailboxes": 0, "mailbox_mb": 0}
    assert not list(db.session.scalars(mailboxes_query(SYSTEM)))
    with pytest.raises(Conflict) as refused:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"new@{SHARED}")
    assert refused.value.code == "taken"
    restore_mailbox(SYSTEM, box.id)
    db.session.expire_all()
    assert box.want == "put"
    assert [alias.address for alias in aliases_of(box)] == [f"old@{SHARED}"]


def test_after_the_grace_period_the_address_is_free(world: World) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox
    remove_mailbox(SYSTEM, box.id)
    assert purge_expired(SYSTEM) == 0
    with unit_of_work():
        box.purge_at = utcnow() - timedelta(seconds=1)
    assert purge_expired(SYSTEM) == 1
    assert create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox.id != box.id


def test_a_link_works_once_and_a_new_one_voids_the_old(world: World) -> None:
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    first = made.activation_token or ""
    second = new_activation_link(SYSTEM, made.mailbox.id).activation_token or ""
    with pytest.raises(NotFound):
        activate(first, password="długie hasło 123")
    assert find_link(second).mailbox.id == made.mailbox.id
    box, _ = activate(second, password="długie hasło 123")
    assert box.login == "open"
    for token in (second, "nonsense"):
        with pytest.raises(NotFound):
            activate(token, password="inne hasło 12345")


def test_a_bad_password_does_not_use_the_link_up(world: World) -> None:
    token = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").activation_token or ""
    with pytest.raises(Invalid):
        activate(token, password="short")
    activate(token, password="długie hasło 123")


def test_setting_a_password_voids_waiting_links(world: World) -> None:
    made = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}")
    set_password(SYSTEM, made.mailbox.id, password="długie hasło 123")
    with pytest.raises(NotFound):
        find_link(made.activation_token or "")


def test_every_change_is_on_the_timeline(world: World) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox
    suspend_mailbox(SYSTEM, box.id)
    resume_mailbox(SYSTEM, box.id)
    events = db.session.scalars(events_query(SYSTEM, kind="mailbox", resource_id=box.id)).unique()
    assert [event.tag for event in events] == ["mail:mailbox:resume", "mail:mailbox:suspend", "mail:mailbox:create"]


def test_errors_hold_no_password(world: World) -> None:
    secret = "bardzo tajne\x07hasło"
    with pytest.raises(PanelError) as refused:
        create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}", password=secret)
    assert "tajne" not in repr(refused.value) + repr(refused.value.params)
    assert "tajne" not in repr(NewMailbox(member_id=world.koscian.id, address=f"a@{SHARED}", password=secret))


def _rows() -> list[int]:
    return [_count(model) for model in (Mailbox, Alias, Name, Job, Event, usage.Usage)]


def _count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0
