from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db
from panel.kernel.errors import Invalid, NotAllowed
from panel.ledger.events import Event
from panel.members.actions import update_member
from panel.members.importing import import_units
from panel.members.models import Member, Voivodeship

DATA = Path(__file__).resolve().parents[2] / "panel/members/data"
UNITS = (DATA / "units.csv").read_bytes()
HEADER = "teryt,name,kind,powiat,voivodeship\n"
SMALL = (
    HEADER
    + "30,wielkopolskie,wojewodztwo,,wielkopolskie\n"
    + "3011,kościański,powiat,kościański,wielkopolskie\n"
    + "3011011,Kościan,gmina_miejska,kościański,wielkopolskie\n"
)


def test_the_register_makes_351_members_and_two_voivodeships(database: None) -> None:
    report = import_units(SYSTEM, UNITS)
    assert (report.created, report.updated, report.unchanged, report.bad) == (351, 0, 0, [])
    assert _count(Member) == 351
    assert dict(db.session.execute(select(Voivodeship.code, Voivodeship.name)).all()) == {
        "08": "lubuskie",
        "30": "wielkopolskie",
    }


def test_the_same_file_again_changes_nothing(database: None) -> None:
    import_units(SYSTEM, UNITS)
    events = _count(Event)
    report = import_units(SYSTEM, UNITS)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 351)
    assert _count(Event) == events == 351


def test_slugs_are_those_of_the_published_list(database: None) -> None:
    import_units(SYSTEM, UNITS)
    with (DATA / "unit_slugs.csv").open(encoding="utf-8") as file:
        published = {row["teryt"][:6]: row["slug"] for row in csv.DictReader(file) if row["kind"] != "wojewodztwo"}
    assert {member.teryt: member.slug for member in db.session.scalars(select(Member))} == published


def test_a_city_with_county_rights_is_one_member(database: None) -> None:
    import_units(SYSTEM, UNITS)
    poznan = db.session.scalars(select(Member).where(Member.folded.contains("poznan"))).all()
    cities = {member.teryt: member for member in poznan}
    assert "3064" not in cities
    assert cities["306401"].county_rights
    assert cities["306401"].slug == "poznan"
    assert _count(Member, Member.county_rights) == 6


def test_units_of_the_same_name_are_told_apart(database: None) -> None:
    import_units(SYSTEM, UNITS)
    names = dict(db.session.execute(select(Member.teryt, Member.name)).all())
    assert names["301101"] == "Kościan (miasto)"
    assert names["301103"] == "Kościan (gmina)"
    assert names["3011"] == "Powiat kościański"
    assert names["300904"] == "Dąbie (gmina, powiat kolski)"
    assert len(set(names.values())) == 351


def test_town_rights_change_the_seventh_digit_and_not_the_member(database: None) -> None:
    rural = HEADER + "30,w,wojewodztwo,,w\n3001022,Budzyń,gmina_wiejska,chodzieski,w\n"
    import_units(SYSTEM, rural.encode())
    report = import_units(SYSTEM, rural.replace("3001022", "3001023").replace("wiejska", "miejsko_wiejska").encode())
    assert (report.created, report.updated) == (0, 1)


def test_a_member_keeps_its_slug_when_a_namesake_comes(database: None) -> None:
    import_units(SYSTEM, f"{HEADER}30,w,wojewodztwo,,w\n3009043,Dąbie,gmina_miejsko_wiejska,kolski,w\n".encode())
    import_units(SYSTEM, f"{HEADER}08,l,wojewodztwo,,l\n0802042,Dąbie,gmina_wiejska,krośnieński,l\n".encode())
    slugs = dict(db.session.execute(select(Member.teryt, Member.slug)).all())
    assert slugs == {"300904": "dabie", "080204": "gmina-dabie-krosnienski"}


def test_any_voivodeship_can_come(database: None) -> None:
    other = f"{HEADER}14,mazowieckie,wojewodztwo,,mazowieckie\n1405,grodziski,powiat,grodziski,mazowieckie\n"
    import_units(SYSTEM, UNITS)
    assert import_units(SYSTEM, other.encode()).created == 1
    assert db.session.scalar(select(Member.slug).where(Member.teryt == "1405")) == "powiat-grodziski-mazowieckie"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("row", "column", "value", "code"),
    [
        ("861011,Gorzów,gmina_miejska,Gorzów,wielkopolskie", "teryt", "861011", "import_teryt"),
        ("30110x1,Czempiń,gmina_miejska,kościański,wielkopolskie", "teryt", "30110x1", "import_teryt"),
        ("٣٠١١٠٢٣,Czempiń,gmina_miejska,kościański,wielkopolskie", "teryt", "٣٠١١٠٢٣", "import_teryt"),
        ("3011021,Czempiń,gmina_wiejska,kościański,wielkopolskie", "teryt", "3011021", "import_teryt_kind"),
        ("3011023,,gmina_miejsko_wiejska,kościański,wielkopolskie", "name", "", "import_name"),
        ("3011023,Czem\x07piń,gmina_miejsko_wiejska,kościański,wielkopolskie", "name", "Czem\x07piń", "import_text"),
        ("3011023,Czempiń,gmina,kościański,wielkopolskie", "kind", "gmina", "import_kind"),
        ("3011023,Czempiń,gmina_miejsko_wiejska,,wielkopolskie", "powiat", "", "import_county"),
        ("3011023,Czempiń,gmina_miejsko_wiejska,kościański,lubuskie", "voivodeship", "lubuskie", "import_voivodeship"),
        ("0811023,Czempiń,gmina_miejsko_wiejska,kościański,lubuskie", "teryt", "081102", "import_no_voivodeship"),
        ("3011012,Kościan,gmina_wiejska,kościański,wielkopolskie", "teryt", "3011012", "import_twice"),
        ("3011011,Kościan,gmina_miejska,kościański,wielkopolskie", "teryt", "3011011", "import_twice"),
        ("3064,Poznań,miasto_na_prawach_powiatu,Poznań,wielkopolskie", "teryt", "3064", "import_city_alone"),
    ],
)
def test_a_bad_row_is_told_by_line_column_and_value_and_nothing_is_written(
    database: None, row: str, column: str, value: str, code: str
) -> None:
    content = f"{SMALL}{row}\n3011043,Śmigiel,gmina_miejsko_wiejska,kościański,wielkopolskie\n".encode()
    report = import_units(SYSTEM, content)
    told = [(bad.line, bad.error.field, bad.value, bad.error.code) for bad in report.bad]
    assert told == [(5, column, value, code)]
    assert not report.written
    assert _count(Member) == _count(Voivodeship) == _count(Event) == 0
    kept = import_units(SYSTEM, content, keep_good=True)
    assert (kept.written, kept.created, len(kept.bad)) == (True, 3, 1)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        (b"", "import_columns", 1),
        (SMALL.replace(",", ";").encode(), "import_columns", 1),
        (SMALL.encode("cp1250"), "import_encoding", 3),
        ((SMALL + '"3011,x\n').encode(), "import_table", 5),
        (b"\0" * 11_000_000, "file_large", None),
    ],
)
def test_a_file_that_is_no_table_is_refused_whole(database: None, content: bytes, code: str, row: int | None) -> None:
    with pytest.raises(Invalid) as caught:
        import_units(SYSTEM, content)
    assert (caught.value.code, caught.value.params.get("row")) == (code, row)


def test_a_byte_order_mark_and_other_columns_do_no_harm(database: None) -> None:
    lines = SMALL.splitlines()
    wider = "\r\n".join([f"extra,{lines[0]}", *(f"x,{line}" for line in lines[1:]), ""])
    assert import_units(SYSTEM, b"\xef\xbb\xbf" + wider.encode()).created == 2


def test_what_people_changed_stays_but_for_what_the_register_says(database: None) -> None:
    import_units(SYSTEM, SMALL.encode())
    koscian = db.session.scalars(select(Member).where(Member.teryt == "301101")).one()
    update_member(SYSTEM, koscian.id, address="Al. Kościuszki 22", nip="5261040828")
    assert import_units(SYSTEM, SMALL.encode()).unchanged == 2
    assert koscian.address == "Al. Kościuszki 22"


def test_only_staff_may_import(database: None) -> None:
    with pytest.raises(NotAllowed):
        import_units(Actor(ref="user:nobody", name="nobody"), UNITS)


def _count(model: type, *where: object) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0  # type: ignore[arg-type]  # SQL conditions


@pytest.fixture
def database(database_url: str) -> Iterator[None]:
    app = Flask("test")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    db.init_app(app)
    with app.app_context():
        db.create_all()
        yield
        db.session.remove()
        db.engine.dispose()
