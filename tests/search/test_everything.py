from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from panel.identity.actions import create_user, ensure_roles
from panel.kernel.access import SYSTEM, Actor, Reach
from panel.kernel.db import db, unit_of_work
from panel.kernel.listing import paginate
from panel.ledger.jobs import Job
from panel.mail.actions import NewMailbox, create_mailboxes, remove_mailbox, rename_mailbox
from panel.mail.finding import mailboxes_query, take_in
from panel.search.everything import MOST, search
from panel.shapes import orders
from tests.worlds import SHARED, World, grant, small_world


def test_one_question_finds_every_kind_that_holds_the_words_best_first(world: World) -> None:
    make(world, "jan.kowalski", "kowalski.jan", "anna.nowak", "nowakowska")
    with unit_of_work():
        db.session.merge(world.koscian).regon = "000524240"
    assert names("kosci")["member"] == names("KOŚCIAN 3011")["member"] == names("000524240")["member"] == ["Kościan"]
    assert len(names("kosci")["contract"]) == 1  # its number does not say so: it is the member's
    assert names("kowalski")["mailbox"] == [f"kowalski.jan@{SHARED}", f"jan.kowalski@{SHARED}"]
    assert names("jan kowal")["mailbox"] == [f"jan.kowalski@{SHARED}", f"kowalski.jan@{SHARED}"]
    assert names("a")["mailbox"] == [f"anna.nowak@{SHARED}", f"jan.kowalski@{SHARED}", f"kowalski.jan@{SHARED}",
                                     f"nowakowska@{SHARED}"]  # fmt: skip
    assert names("wako") == {"mailbox": [f"nowakowska@{SHARED}"]}
    assert names("now")["mailbox"] == [f"nowakowska@{SHARED}", f"anna.nowak@{SHARED}"]
    assert names("wokiss")["mail_domain"] == [SHARED]
    assert len(names("nowak@info")["mailbox"]) == 1
    assert names("mail1") == {"node": ["mail1"]}
    assert names("piotr") == {"user": ["Piotr Żółć"]}
    assert names("zolc") == names("piotr.z@x.pl") == names("piotr")
    job = db.session.scalars(select(Job).order_by(Job.id.desc())).first()
    assert job is not None
    assert names(str(job.id)) == names(job.id.hex[:30]) == {"job": [str(job.id)]}
    assert str(job.id) in names("mailbox:create")["job"]
    assert names("%") == names("  ") == names("'\"; --") == names("nie ma") == {}


def test_what_is_shown_is_in_reach_and_of_a_kind_one_may_see(world: World) -> None:
    grant(world.smigiel, mailboxes=10, mailbox_mb=10_240)
    make(world, "jan.kowalski")
    create_mailboxes(SYSTEM, [NewMailbox(member_id=world.smigiel.id, address=f"kowalska.smigiel@{SHARED}")])
    clerk = world.member_admin(world.koscian)
    assert names("kowal", clerk) == {"mailbox": [f"jan.kowalski@{SHARED}"]}
    assert names("smig", clerk) == names("mail1", clerk) == names("mailbox:create", clerk) == {}
    assert names("kowal", Actor(ref="x", name="x", grants=(Reach(permissions=frozenset(), member_ids=None),))) == {}
    held = Actor(ref="t", name="t", grants=SYSTEM.grants, kinds=frozenset({"users"}))
    assert set(names("o", held)) == {"user"}


def test_mailboxes_are_found_at_once_before_and_after_they_are_taken_in(world: World) -> None:
    made = make(world, "jan.kowalski", "zofia.zielinska", "ktos.inny")
    assert found("kowal") == found("n.kow") == ["jan.kowalski"]
    sqlite = db.engine.dialect.name == "sqlite"
    assert take_in(SYSTEM) == (3 if sqlite else 0)
    assert take_in(SYSTEM) == 0
    assert found("kowal") == found("ski@") == ["jan.kowalski"]
    rename_mailbox(SYSTEM, made[0], address=f"jan.nowak@{SHARED}")
    assert (found("kowal"), found("nowak")) == ([], ["jan.nowak"])
    take_in(SYSTEM)
    assert (found("kowal"), found("nowak")) == ([], ["jan.nowak"])
    assert names("kowal") == {"alias": [f"jan.kowalski@{SHARED}"]}
    remove_mailbox(SYSTEM, made[1])
    assert (found("zofia"), found("zofia", state="removing")) == ([], ["zofia.zielinska"])
    with unit_of_work():
        for table in ("activation_links", "mailboxes"):
            name = "mailbox_id" if table == "activation_links" else "id"
            db.session.execute(text(f"DELETE FROM {table} WHERE {name} = :id"), {"id": made[2].hex})  # noqa: S608 - names of our own
    take_in(SYSTEM)
    assert found("inny") == []


def test_more_than_is_counted_is_said_to_be_more(world: World) -> None:
    make(world, *(f"osoba{n}" for n in range(MOST + 1)))
    (group,) = [one for one in search(SYSTEM, "soba") if one.kind == "mailbox"]
    assert (len(group.hits), group.more) == (MOST, True)
    assert [one.kind for one in search(SYSTEM, "osoba", kinds=["member"])] == []


def make(world: World, *local: str) -> list[uuid.UUID]:
    new = [NewMailbox(member_id=world.koscian.id, address=f"{name}@{SHARED}") for name in local]
    return [change.mailbox.id for change in create_mailboxes(SYSTEM, new)]


def names(words: str, who: Actor = SYSTEM) -> dict[str, list[str]]:
    return {group.kind: [hit.name for hit in group.hits] for group in search(who, words)}


def found(words: str, **narrow: Any) -> list[str]:
    page = paginate(mailboxes_query(SYSTEM, search=words, **narrow), sorts=orders.MAILBOXES, default="address",
                    searching=True)  # fmt: skip
    assert page.total == len(page.items)
    return [row.address.partition("@")[0] for row in page.items]


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with small_world(tmp_path, database_url=database_url) as world:
        ensure_roles()
        create_user(SYSTEM, email="piotr.z@x.pl", name="Piotr Żółć", password_hash=None, role="auditor")
        yield world
