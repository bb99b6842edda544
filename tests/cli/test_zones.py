"""``cis zones``: what is typed reaches the actions; what they answer is printed, and told by the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from panel.kernel.db import db
from panel.members.models import Member
from tests.cli.terminal import Terminal
from tests.dns.worlds import name_server
from tests.worlds import grant

MEMBER = ("--member", "miasto-koscian")
FILE = "$TTL 1h\n@ SOA ns1.old.pl. host 7 3600 900 1209600 300\n@ NS ns1.old.pl.\n@ NS ns2.old.pl.\nwww A 192.0.2.80\n"


@pytest.fixture
def terminal(terminal: Terminal) -> Terminal:
    """A panel with name servers, and contracts for zones."""
    with terminal.panel():
        name_server("ns1", "dns_primary", "192.0.2.21")
        name_server("ns2", "dns_secondary", "192.0.2.22")
        grant(db.session.scalars(select(Member).where(Member.slug == "miasto-koscian")).one(), zones=100)
    return terminal


def test_a_zone_is_made_changed_put_back_removed_and_restored(terminal: Terminal) -> None:
    site = ("--template", "gmina", "--address", "192.0.2.10")
    made = terminal.json("zones", "create", "nowa-gmina.pl", *MEMBER, *site)
    assert (made["name"], made["template"], made["state"], made["dnssec"]["enabled"]) == (
        "nowa-gmina.pl", "gmina", "pending", True,
    )  # fmt: skip
    set_ = terminal.json("zones", "set", "nowa-gmina.pl", "ftp", "A", "192.0.2.1", "192.0.2.2", "--ttl", "600")
    assert set_["version"] == 2
    listed = terminal.json("zones", "records", "NOWA-GMINA.PL", "--type", "a")
    assert {"name": "ftp", "type": "A", "ttl": 600, "values": ["192.0.2.1", "192.0.2.2"], "source": "",
            "overridden": False} in listed  # fmt: skip
    assert terminal.json("zones", "delete", made["id"], "ftp", "A", "--comment", "koniec")["version"] == 3
    assert [one["number"] for one in terminal.json("zones", "versions", "nowa-gmina.pl")] == [3, 2, 1]
    assert "- ftp 600 A 192.0.2.1" in terminal.run("zones", "versions", "nowa-gmina.pl", "3").stdout
    assert terminal.json("zones", "revert", "nowa-gmina.pl", "2")["version"] == 4
    stale = terminal.run("zones", "delete", "nowa-gmina.pl", "ftp", "A", "--version", "3")
    assert stale.exit_code == 5
    assert terminal.json("zones", "soa", "nowa-gmina.pl", "--refresh", "7200")["soa"]["refresh"] == 7200
    assert terminal.json("zones", "dnssec", "nowa-gmina.pl", "off")["dnssec"]["enabled"] is False
    assert [one["name"] for one in terminal.json("zones", "list", "gmina")] == ["nowa-gmina.pl"]
    assert terminal.json("zones", "remove", "nowa-gmina.pl")["state"] == "removing"
    assert terminal.json("zones", "restore", "nowa-gmina.pl")["state"] == "pending"
    assert terminal.json("zones", "show", "nowa-gmina.pl")["proof"] is None
    assert terminal.run("zones", "show", "obca.pl").exit_code == 3
    assert terminal.run("zones", "proof", "nowa-gmina.pl").exit_code == 3
    assert terminal.run("zones", "vouch", "nowa-gmina.pl", "Umowa 12/2026").exit_code == 5


def test_what_the_lint_says_is_told_line_by_line_and_warnings_are_accepted_by_an_option(terminal: Terminal) -> None:
    terminal.json("zones", "create", "nowa-gmina.pl")
    inside = ("zones", "set", "nowa-gmina.pl", "@", "A", "10.0.0.1")
    warned = terminal.run(*inside)
    assert (warned.exit_code, "warning: @ A: 10.0.0.1 is reached from inside" in warned.stderr) == (5, True)
    taken = terminal.run(*inside, "--accept-warnings")
    assert (taken.exit_code, "warning: @ A" in taken.stderr) == (0, True)
    wrong = terminal.run("zones", "set", "nowa-gmina.pl", "@", "CNAME", "x.example.pl.")
    assert (wrong.exit_code, "error: @ CNAME: " in wrong.stderr) == (4, True)
    bad = terminal.run("zones", "set", "nowa-gmina.pl", "www", "A", "192.0.2.300")
    assert (bad.exit_code, "values.0.address" in bad.stderr) == (4, True)


def test_records_are_edited_as_a_file_and_the_difference_is_shown_first(terminal: Terminal, tmp_path: Path) -> None:
    terminal.json("zones", "create", "nowa-gmina.pl")
    file = tmp_path / "nowa"
    file.write_text("$TTL 3600\n@ NS ns1.wokiss.pl.\n@ NS ns2.wokiss.pl.\nwww A 192.0.2.7\n")
    edit = ("zones", "edit-file", "nowa-gmina.pl", str(file))
    no = terminal.run(*edit, given="n\n")
    assert (no.exit_code, "+ www 3600 A 192.0.2.7" in no.stdout) == (1, True)
    assert terminal.json(*edit)["version"] == 2
    file.write_text("$TTL 3600\nwww A 192.0.2.7\nftp A x\n")
    bad = terminal.run(*edit, "--yes")
    assert (bad.exit_code, bad.stderr.startswith("#3: ")) == (4, True)


def test_zones_come_in_from_a_file_and_a_folder_and_go_out_unchanged(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "zones"
    folder.mkdir()
    (folder / "nowa-gmina.pl.zone").write_text(FILE)
    (folder / "db.nowa-szkola.pl").write_text(FILE)
    (folder / ".ukryty").write_text("nic")
    one = ("zones", "import", str(folder / "nowa-gmina.pl.zone"), *MEMBER, "--our-servers")
    shown = terminal.run(*one, "--dry-run")
    assert (shown.exit_code, "+ www 3600 A 192.0.2.80" in shown.stdout) == (0, True)
    assert terminal.json("zones", "list") == []
    taken = terminal.json(*one, "--accept-warnings", "--comment", "z dawnego serwera")
    assert (taken["name"], taken["version"]) == ("nowa-gmina.pl", 1)
    many = ("zones", "import", str(folder), *MEMBER, "--our-servers", "--accept-warnings")
    found = terminal.json(*many)
    assert [(row["name"], row["would"]) for row in found] == [
        ("nowa-szkola.pl", "create"),
        ("nowa-gmina.pl", "unchanged"),
    ]
    file = tmp_path / "wynik"
    file.write_text(terminal.run("zones", "export", "nowa-gmina.pl").stdout)
    same = terminal.run("zones", "import", str(file), "--name", "nowa-gmina.pl", *MEMBER, "--json")
    assert (same.exit_code, json.loads(same.stdout)["would"]) == (0, "unchanged")
    assert terminal.json("zones", "export", "nowa-gmina.pl")["name"] == "nowa-gmina.pl"
    file.write_text(FILE + "ftp A x\n")
    bad = terminal.run("zones", "import", str(file), "--name", "nowa-gmina.pl", *MEMBER)
    assert (bad.exit_code, "wynik:6: " in bad.stderr) == (4, True)
    assert terminal.run("zones", "import", str(tmp_path / "nie-ma")).exit_code == 2
    key = ("--key", "move", "--secret-stdin")
    barred = terminal.run("zones", "axfr", "nowa-gmina.pl", "127.0.0.1", *MEMBER, *key, given="c2VjcmV0\n")
    assert (barred.exit_code, "c2VjcmV0" in barred.output) == (5, False)


def test_many_zones_are_asked_for_at_once_and_errors_name_their_row(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "strefy.csv"
    file.write_text("name,member,template,address\na-gmina.pl,miasto-koscian,gmina,192.0.2.1\nb-gmina.pl,,parked,\n")
    assert [one["name"] for one in terminal.json("zones", "batch", str(file))] == ["a-gmina.pl", "b-gmina.pl"]
    rows = [{"name": "c-gmina.pl"}, {"name": "d-gmina.pl", "rrsets": [{"name": "w", "type": "A", "values": ["x"]}]}]
    file.write_text(json.dumps({"zones": rows}))
    bad = terminal.run("zones", "batch", str(file))
    assert (bad.exit_code, bad.stderr[:4], "(rrsets.0.values.0.address): " in bad.stderr) == (4, "#2: ", True)
    file.write_text("name,dziwne\na,b\n")
    assert terminal.run("zones", "batch", str(file)).exit_code == 4
