"""From a file to what it asks for: verdicts, the same file again, portions, claims, rights as of then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import LargeBinary, cast, func, select, text, update

from panel.identity.models import Grant
from panel.imports import actions, committing
from panel.imports.actions import start_import
from panel.imports.committing import ClaimLost, carry_on, carry_out_imports
from panel.imports.forgetting import forget_old_imports
from panel.imports.models import Import, ImportRow
from panel.imports.reporting import report_lines
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.kernel.passwords import is_mailbox_password
from panel.mail.actions import create_mailbox, remove_mailbox, suspend_mailbox
from panel.mail.models import ActivationLink, Mailbox
from panel.members.actions import create_member
from panel.members.models import Member
from tests.imports.conftest import People
from tests.worlds import SHARED

PASSWORD = "kanarek w kopalni 7"


def mailboxes(*lines: str, header: str = "adres;podmiot;pojemność;hasło") -> bytes:
    return "\r\n".join([header, *lines]).encode("cp1250")


def upload(actor: Actor, content: bytes, kind: str = "mailboxes", **more: Any) -> Import:
    return start_import(actor, kind=kind, content=content, file_name="a.csv", **more)


def rows(one: Import) -> list[ImportRow]:
    return list(db.session.scalars(actions.rows_query(one).order_by(ImportRow.line)))


def told(one: Import) -> list[tuple[str, str, list[str]]]:
    return [(row.verdict, row.would, [problem["code"] for problem in row.problems]) for row in rows(one)]


def commit(actor: Actor, one: Import, *, only_good: bool = False) -> Import:
    actions.commit_import(actor, one.id, only_good=only_good)
    carry_out_imports(SYSTEM)
    return actions.get_import(actor, one.id)


def there() -> dict[str, Mailbox]:
    return {box.address.partition("@")[0]: box for box in db.session.scalars(select(Mailbox))}


def test_each_row_gets_the_verdict_that_asking_for_it_would_get(people: People) -> None:
    world = people.world
    held = create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"smigiel@{SHARED}").mailbox
    suspended = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"miasto-koscian.b@{SHARED}").mailbox
    suspend_mailbox(SYSTEM, suspended.id)
    gone = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"miasto-koscian.c@{SHARED}").mailbox
    remove_mailbox(SYSTEM, gone.id)
    one = upload(
        people.anna,
        mailboxes(
            f"miasto-koscian.a@{SHARED.upper()};301101;1 GB;",
            "miasto-koscian.b;kościan;2048;",
            "miasto-koscian.b2;3011013;1,5 GB;za krótkie",
            "miasto-koscian.c;;;",
            f"smigiel@{SHARED};;;",
            "jan;Kościan;;",
            "miasto-koscian.d;Śmigiel;;",
            "miasto-koscian.e;;dużo;",
            "żółw;;;",
            "miasto-koscian.f;;0;",
            f"miasto-koscian.g;;;{PASSWORD}",
            "miasto-koscian.f2;;;",
            ";Kościan;;",
            "",
            "miasto-koscian.f2@info.wokiss.pl;;;",
        ),
    )
    assert told(one) == [
        ("ok", "create", []),
        ("ok", "update", []),
        ("error", "create", ["password_short"]),
        ("error", "", ["removed"]),
        ("error", "", ["taken"]),
        ("error", "create", ["address_not_own"]),
        ("error", "", ["import_no_member"]),
        ("error", "", ["import_quota"]),
        ("error", "create", ["address_not_ascii"]),
        ("error", "", ["number_range"]),
        ("ok", "create", []),
        ("error", "create", ["import_double"]),
        ("error", "", ["required"]),
        ("error", "create", ["import_double"]),
    ]
    double = rows(one)[-1].problems[0]["params"]
    assert (double["first"], double["second"], rows(one)[-1].line) == (13, 16, 16)
    with pytest.raises(Conflict, match="import_has_errors"):
        actions.commit_import(people.anna, one.id)
    done = commit(people.anna, one, only_good=True)
    boxes = there()
    assert (done.state, done.counts["done"], done.counts["left"]) == ("done", 3, 11)
    assert sorted(boxes) == ["miasto-koscian.a", "miasto-koscian.b", "miasto-koscian.c", "miasto-koscian.g", "smigiel"]
    assert (boxes["miasto-koscian.b"].quota_mb, boxes["miasto-koscian.b"].login) == (2048, "blocked")
    assert is_mailbox_password(PASSWORD, boxes["miasto-koscian.g"].password_hash)
    assert boxes["miasto-koscian.g"].wanted_generation == boxes["miasto-koscian.a"].wanted_generation == 1
    links = db.session.scalars(select(ActivationLink.mailbox_id)).all()
    assert (boxes["miasto-koscian.a"].id in links, boxes["miasto-koscian.g"].id in links) == (True, False)
    assert held.id == boxes["smigiel"].id


def test_the_same_file_again_changes_nothing_and_passwords_are_kept_nowhere(people: People) -> None:
    content = mailboxes(f"miasto-koscian.a;;;{PASSWORD}", f"miasto-koscian.b;;5;{PASSWORD}", f"jan;;;{PASSWORD}")
    one = upload(people.anna, content)
    assert PASSWORD not in _everything(one)
    commit(people.anna, one, only_good=True)
    assert all(cells[3] == "" for cells in actions.cells_of(one, rows(one)).values())
    report = "".join(report_lines(one, headings=["?", "!", "."], state=lambda row: row.state, describe=str))
    assert PASSWORD not in report
    assert report.splitlines()[0] == "\ufeffadres;podmiot;pojemność;?;!;."
    assert report.splitlines()[3].startswith("jan;;;4;left;")
    before = {name: box.wanted_generation for name, box in there().items()}
    again = commit(people.anna, upload(people.anna, content), only_good=True)
    assert (again.counts["unchanged"], again.counts["done"]) == (2, 2)
    assert [word for word, _would, _codes in told(again)] == ["warning", "warning", "error"]
    assert {name: box.wanted_generation for name, box in there().items()} == before


def _everything(one: Import) -> str:
    raw = db.session.scalars(select(cast(ImportRow.cells, LargeBinary)).where(ImportRow.import_id == one.id))
    plain = [(row.folded, row.problems) for row in rows(one)]
    return repr(list(raw)) + json.dumps(plain, ensure_ascii=False) + repr(one.mapping)


def test_what_contracts_do_not_grant_is_told_for_the_whole_and_the_first_rows_that_fit_are_taken(
    people: People,
) -> None:
    lines = [f"smigiel.{n};Śmigiel;600;" for n in range(2)]
    one = upload(people.admin, mailboxes(*lines))
    assert [problem["code"] for problem in one.problems] == ["import_over_limit", "import_over_limit"]
    assert one.problems[0]["params"] | {"granted": 1, "used": 0, "wanted": 2} == one.problems[0]["params"]
    assert told(one) == [("ok", "create", []), ("error", "create", ["import_no_room"])]
    assert commit(people.admin, one, only_good=True).counts["done"] == 1


def test_columns_can_be_corrected_and_one_that_is_needed_is_asked_for(people: People) -> None:
    one = upload(people.anna, b"kto;co\nmiasto-koscian.a;5\n")
    assert (one.mapping, [problem["code"] for problem in one.problems]) == ({}, ["import_column_missing"])
    for bad in ({"x": "kto"}, {"address": "gdzie"}, {"address": "kto", "member": "kto"}):
        with pytest.raises(Invalid) as caught:
            actions.remap_import(people.anna, one.id, mapping=bad)
        assert caught.value.field == "mapping"
    with pytest.raises(Invalid, match="import_mapped_secret"):  # else what is wrong with it would quote a password
        upload(people.anna, b"adres;Haslo\nmiasto-koscian.b;Tajne1\n", mapping={"address": "adres", "member": "Haslo"})
    one = actions.remap_import(people.anna, one.id, mapping={"address": "kto", "quota_mb": "co", "member": ""})
    assert (one.problems, told(one)) == ([], [("ok", "create", [])])
    assert commit(people.anna, one).counts["done"] == 1
    with pytest.raises(Conflict, match="import_not_open"):
        actions.remap_import(people.anna, one.id, mapping={})


def test_members_are_made_and_changed_by_what_they_are_known_by(people: People) -> None:
    header = "Nazwa;Rodzaj;TERYT;NIP;Skrót;Organ prowadzący;Adres siedziby"
    lines = (
        "Kościan;gmina miejska;;;;;Rynek 1",
        "Powiat Kościański;powiat;3011;778-145-49-68;powiat-koscianski;;",
        "Zespół Szkół;szkoła;;;zs;Powiat Kościański;",
        "Zła;nieznany;;123;;;",
        "Śmigiel;;301105;;miasto-koscian;;",
        "Inny;inny;3011;;;;",
    )
    content = mailboxes(*lines, header=header)
    with pytest.raises(NotAllowed):
        upload(people.anna, content, "members")
    one = upload(people.admin, content, "members")
    assert told(one) == [
        ("warning", "create", ["import_same_name"]),
        ("error", "create", ["import_double"]),
        ("ok", "create", []),
        ("error", "", ["choice", "number_bad"]),
        ("error", "", ["taken"]),
        ("error", "create", ["import_double"]),
    ]
    good = mailboxes("Kościan;;301101;;;;Rynek 1", *lines[1:3], header=header)
    one = commit(people.admin, upload(people.admin, good, "members"))
    assert one.counts["done"] == 3
    school = db.session.scalars(select(Member).where(Member.slug == "zs")).one()
    assert (school.kind, school.parent and school.parent.nip) == ("school", "7781454968")
    assert db.session.get_one(Member, people.world.koscian.id).address == "Rynek 1"
    again = upload(people.admin, good, "members")
    assert again.counts == {"ok": 3, "unchanged": 3}


def test_a_worker_that_died_is_followed_by_one_that_does_each_row_once(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "PORTION", 2)
    one = upload(people.anna, mailboxes(*(f"miasto-koscian.p{n};" for n in range(5)), header="adres;podmiot"))
    actions.commit_import(people.anna, one.id)
    dead = committing._claim()
    assert dead is not None
    assert carry_on(*dead)
    carry_out_imports(SYSTEM)
    assert actions.get_import(people.anna, one.id).state == "committing"  # its claim still holds
    with unit_of_work():
        db.session.execute(update(Import).values(claimed_until=database_now(-1)))
    second = committing._claim()
    assert second is not None
    with pytest.raises(ClaimLost):
        carry_on(*dead)
    assert len(there()) == 2
    assert carry_on(*second)
    actions.cancel_import(people.anna, one.id)
    with pytest.raises(ClaimLost):
        carry_on(*second)
    done = actions.get_import(people.anna, one.id)
    assert (done.state, done.counts["done"], done.counts["left"], len(there())) == ("cancelled", 4, 1, 4)


def test_rights_rows_and_room_count_as_they_are_when_it_is_carried_out(people: People) -> None:
    one = upload(people.anna, mailboxes("miasto-koscian.a;;;", "miasto-koscian.b;;;"))
    create_mailbox(SYSTEM, member_id=people.world.koscian.id, address=f"miasto-koscian.a@{SHARED}", quota_mb=77)
    actions.commit_import(people.anna, one.id)
    other = upload(people.anna, mailboxes("miasto-koscian.c;;;"))
    carry_out_imports(SYSTEM)
    assert actions.get_import(people.anna, one.id).counts["done"] == 2
    assert there()["miasto-koscian.a"].quota_mb == 77
    actions.commit_import(people.anna, other.id)
    with unit_of_work():
        db.session.execute(update(Grant).where(Grant.user_id == people.clerk.id).values(until=database_now(-1)))
    db.session.expire_all()
    carry_out_imports(SYSTEM)
    assert [(row.state, row.problems[0]["code"]) for row in rows(other)] == [("failed", "not_allowed")]
    assert sorted(there()) == ["miasto-koscian.a", "miasto-koscian.b"]


@pytest.mark.one_database
def test_imports_are_seen_by_who_made_them_and_by_staff_and_are_forgotten(people: People) -> None:
    one = upload(people.anna, mailboxes("miasto-koscian.a;;;"))
    create_member(SYSTEM, name="Obcy", kind="school")
    for stranger in (people.world.member_admin(people.world.koscian), people.world.member_admin(people.world.smigiel)):
        assert db.session.scalars(actions.imports_query(stranger)).all() == []
        with pytest.raises(NotFound):
            actions.get_import(stranger, one.id)
    with pytest.raises(NotFound):
        upload(people.anna, mailboxes("smigiel.a;;;"), member_id=people.world.smigiel.id)
    assert actions.get_import(people.admin, one.id).file_name == "a.csv"
    forget_old_imports(SYSTEM)
    with unit_of_work():
        db.session.execute(text("UPDATE imports SET created_at = '2020-01-01 00:00:00.000000'"))
    forget_old_imports(SYSTEM)
    assert [db.session.scalar(select(func.count()).select_from(table)) for table in (Import, ImportRow)] == [0, 0]
