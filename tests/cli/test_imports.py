"""``cis import``: looked at first, carried out in place, exit codes by what came of it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.terminal import Terminal


def test_a_table_is_looked_at_then_carried_out_and_its_report_printed(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "skrzynki.csv"
    file.write_bytes("kto;czyje\nmiasto-koscian.ola;miasto-koscian\nżółw;301101\n".encode("iso-8859-2"))
    looked = terminal.run("import", "mailboxes", str(file), "--map", "address=kto", "--map", "member=czyje", "--json")
    assert looked.exit_code == 4
    assert "skrzynki.csv:3: address: " in looked.stderr
    found = json.loads(looked.stdout)
    assert (found["mapping"], found["totals"]["ok"]) == ({"address": "kto", "member": "czyje"}, 1)
    assert terminal.run("import", "commit", found["id"]).exit_code == 5
    done = terminal.run("import", "commit", found["id"], "--only-good")
    assert (done.exit_code, "1 done" in done.stdout) == (0, True)
    change = ("mailboxes", "change", "activation", "--import", found["id"])
    assert terminal.run(*change, "ola@info.wokiss.pl").exit_code == 2
    issued = json.loads(terminal.run(*change, "--json").stdout)
    assert [one["address"] for one in issued["items"] if "link" in one["activation"]] == [
        "miasto-koscian.ola@info.wokiss.pl"
    ]
    report = terminal.run("import", "report", found["id"]).stdout
    assert "miasto-koscian.ola;miasto-koscian;2;done;" in report
    assert [one["state"] for one in terminal.json("import", "list")] == ["done"]
    assert terminal.run("import", "remove", found["id"]).exit_code == 0
    assert terminal.run("import", "show", found["id"]).exit_code == 3
    assert terminal.run("import", "mailboxes", str(file), "--map", "nothing").exit_code == 4
