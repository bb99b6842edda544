from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from panel.kernel.db import db
from panel.ledger.events import Event
from tests.cli.terminal import Terminal

UNITS = Path(__file__).resolve().parents[2] / "panel/members/data/units.csv"
HEADER = "teryt,name,kind,powiat,voivodeship\n"


def test_members_are_listed_and_shown_by_slug_teryt_and_id(standing: Terminal) -> None:
    listed = standing.json("members", "list", "KOŚCIAN", "--kind", "municipality")
    assert [member["slug"] for member in listed] == ["gmina-koscian", "miasto-koscian"]
    for name in ("miasto-koscian", "301101", "3011011", listed[1]["id"]):
        assert standing.json("members", "show", name)["name"] == "Kościan (miasto)"


def test_a_list_says_how_much_there_is(standing: Terminal) -> None:
    done = standing.run("members", "list", "--page-size", "3", "--page", "2", "--sort", "-name")
    assert len(done.stdout.splitlines()) == 4
    assert done.stderr.strip() == "4–6 of 351"


def test_a_member_is_taken_in_and_changed_and_the_event_names_who_did_it(terminal: Terminal) -> None:
    made = terminal.json(
        "members", "create", "--name", "Biblioteka", "--kind", "cultural_institution", "--parent", "3011"
    )
    assert made["slug"] == "biblioteka"
    assert terminal.json("members", "update", "biblioteka", "--address", "Rynek 1")["address"] == "Rynek 1"
    with terminal.panel():
        event = db.session.scalars(select(Event).where(Event.tag == "members:member:update")).one()
        assert (event.actor, event.detail.actor_name if event.detail else "") == ("cli:ewa", "ewa")


def test_importing_again_changes_nothing(terminal: Terminal) -> None:
    before = terminal.rows()
    told = terminal.json("members", "import", str(UNITS))
    assert told == {"created": 0, "updated": 0, "unchanged": 351, "bad": 0, "written": True}
    assert terminal.rows() == before


def test_a_bad_row_is_told_by_line_column_value_and_fix(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    good = "14,mazowieckie,wojewodztwo,,mazowieckie\n1401,białobrzeski,powiat,białobrzeski,mazowieckie\n"
    file.write_text(f"{HEADER}{good}402,ciechanowski,powiat,ciechanowski,mazowieckie\n", encoding="utf-8")
    before = terminal.rows()
    done = terminal.run("members", "import", str(file))
    assert done.exit_code == 4
    assert f"{file}:4: teryt = '402': " in done.stderr
    assert "4 digits" in done.stderr
    assert terminal.rows() == before
    kept = terminal.run("members", "import", str(file), "--keep-good")
    assert (kept.exit_code, kept.stdout) == (4, "1 created, 0 updated, 0 unchanged, 1 bad\n")
    assert terminal.json("members", "show", "1401")["voivodeship"] == "mazowieckie"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("members", "show", "nobody"), 3, "no such thing"),
        (("members", "create", "--kind", "school"), 4, "name"),
        (("members", "create", "--name", "x", "--kind", "school", "--nip", "1"), 4, "(nip)"),
        (("members", "create", "--name", "x", "--kind", "school", "--slug", "smigiel"), 5, "(slug)"),
        (("members", "create", "--name", "x", "--kind", "castle"), 2, "--kind"),
        (("members", "list", "--sort", "password"), 4, "(sort)"),
        (("members", "import", "/nowhere.csv"), 2, "/nowhere.csv"),
        (("nothing",), 2, "nothing"),
    ],
)
def test_what_cannot_be_done_says_why_and_ends_with_its_code(
    standing: Terminal, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = standing.run(*arguments)
    assert done.exit_code == code
    assert said in done.stderr
    assert done.stdout == ""


def test_messages_follow_the_terminals_language(standing: Terminal) -> None:
    assert "Nie ma tu" in standing.run("members", "show", "nobody", language="pl_PL.UTF-8").stderr
    assert "There is no" in standing.run("members", "show", "nobody", language="en_GB.UTF-8").stderr
    assert "Nie ma tu" in standing.run("members", "show", "nobody", language="C").stderr


def test_a_folder_without_a_panel_stays_empty(tmp_path: Path) -> None:
    done = Terminal(tmp_path / "none").run("members", "list")
    assert done.exit_code == 1
    assert "cis db upgrade" in done.stderr
    assert not (tmp_path / "none").exists()
