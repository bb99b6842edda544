from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select, update

from panel.kernel.db import db, unit_of_work, utcnow
from panel.mail.models import Mailbox
from tests.cli.terminal import Terminal
from tests.mail.test_actions import BAD_ADDRESSES
from tests.worlds import SHARED

ALA = f"ala@{SHARED}"
CREATE = ("mailboxes", "create", ALA, "--member", "miasto-koscian")


def test_a_mailbox_is_asked_for_and_the_link_is_printed_once(terminal: Terminal) -> None:
    made = terminal.json(*CREATE)
    assert (made["address"], made["state"], made["login"]) == (ALA, "pending", "waiting")
    assert made["activation"]["link"].startswith("http://localhost:8080/activate/")
    assert "link" not in terminal.json("mailboxes", "show", ALA)["activation"]
    assert [box["address"] for box in terminal.json("mailboxes", "list", "ala", "--member", "301101")] == [ALA]
    assert terminal.json("jobs", "list", "--state", "queued")[0]["cause"] == "mail:mailbox:create"


@pytest.mark.parametrize("address", [address for address in BAD_ADDRESSES if "\x00" not in address])
def test_a_bad_address_names_the_field(standing: Terminal, address: str) -> None:
    done = standing.run("mailboxes", "create", "--member", "miasto-koscian", "--", address)
    assert done.exit_code == 4
    assert "(address)" in done.stderr
    assert standing.json("mailboxes", "list") == []


@pytest.mark.parametrize(("quota", "code"), [("-1", 4), ("0", 4), (str(10**15), 4), ("0.5", 2), ("x", 2)])
def test_a_bad_quota_names_the_field(standing: Terminal, quota: str, code: int) -> None:
    done = standing.run(*CREATE, f"--quota={quota}")
    assert done.exit_code == code
    assert "quota" in done.stderr
    assert standing.json("mailboxes", "list") == []


def test_a_password_comes_from_standard_input(terminal: Terminal) -> None:
    made = terminal.json(*CREATE, "--password-stdin", given="długie hasło 123\n")
    assert made["login"] == "open"
    assert "link" not in made["activation"]
    refused = terminal.run("mailboxes", "password", ALA, "--password-stdin", given="short\n")
    assert (refused.exit_code, "(password)" in refused.stderr) == (4, True)
    typed = terminal.run("mailboxes", "password", ALA, given="inne długie hasło\ninne długie hasło\n")
    assert typed.exit_code == 0
    assert "inne" not in typed.output


def test_a_mailbox_walks_through_its_states(terminal: Terminal) -> None:
    terminal.json(*CREATE)
    assert terminal.json("mailboxes", "quota", ALA, "2048")["quota_mb"] == 2048
    assert terminal.json("mailboxes", "suspend", ALA)["login"] == "blocked"
    assert terminal.json("mailboxes", "resume", ALA)["login"] == "waiting"
    assert "link" in terminal.json("mailboxes", "activation", ALA)["activation"]
    assert terminal.json("mailboxes", "rename", ALA, f"alicja@{SHARED}")["aliases"] == [ALA]
    assert terminal.json("mailboxes", "remove", f"alicja@{SHARED}")["state"] == "removing"
    assert terminal.run("mailboxes", "suspend", f"alicja@{SHARED}").exit_code == 5
    assert terminal.json("mailboxes", "restore", f"alicja@{SHARED}")["state"] == "pending"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("mailboxes", "create", f"smigiel@{SHARED}", "--member", "miasto-koscian"), 5),
        (("mailboxes", "create", ALA, "--member", "nobody"), 3),
        (("mailboxes", "create", ALA, "--member", "smigiel", "--quota", "1048576"), 7),
        (("mailboxes", "show", ALA), 3),
        (("mailboxes", "restore", ALA), 3),
        (("mailboxes", "create", ALA), 2),
    ],
)
def test_what_cannot_be_done_ends_with_its_code(standing: Terminal, arguments: tuple[str, ...], code: int) -> None:
    assert standing.run(*arguments).exit_code == code


def test_a_batch_comes_from_csv_or_json(terminal: Terminal, tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(f"address,member,quota_mb\na1@{SHARED},smigiel,\na2@{SHARED},301101,10\n", encoding="utf-8")
    made = terminal.json("mailboxes", "batch", str(table))
    assert [(box["address"], bool(box["activation_link"])) for box in made] == [
        (f"a1@{SHARED}", True),
        (f"a2@{SHARED}", True),
    ]
    body = tmp_path / "boxes.json"
    member = terminal.json("members", "show", "miasto-koscian")["id"]
    body.write_text(json.dumps({"mailboxes": [{"member_id": member, "address": f"a3@{SHARED}"}]}), encoding="utf-8")
    assert len(terminal.json("mailboxes", "batch", str(body))) == 1
    assert len(terminal.json("mailboxes", "list")) == 3


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (f"address\nb1@{SHARED}\n..@{SHARED}\n", 4, "#2: Address (address)"),
        (f"address,quota_mb\nb1@{SHARED},x\n", 4, "#1: Capacity (quota_mb)"),
        (f"address,colour\nb1@{SHARED},red\n", 4, "#1: colour"),
        (f"address\nb1@{SHARED}\nb1@{SHARED}\n", 5, "#2: Address (address)"),
        ('address\n"b1', 4, "(file)"),
        ("\udcff", 4, "(file)"),
        ("{", 4, "(file)"),
        ("", 4, "(mailboxes)"),
    ],
)
def test_one_bad_row_is_named_and_none_is_taken(
    standing: Terminal, tmp_path: Path, lines: str, code: int, said: str
) -> None:
    file = tmp_path / "boxes.csv"
    file.write_bytes(lines.encode(errors="surrogateescape"))
    done = standing.run("mailboxes", "batch", str(file), "--member", "miasto-koscian")
    assert done.exit_code == code
    assert said in done.stderr
    assert standing.json("mailboxes", "list") == []


def test_waiting_ends_when_the_mailbox_was_seen(terminal: Terminal) -> None:
    worker = threading.Thread(target=_settle_soon, args=(terminal,), kwargs={"seen_generation": 1, "seen_at": utcnow()})
    worker.start()
    done = terminal.run(*CREATE, "--wait", "60", "--json")
    worker.join()
    assert (done.exit_code, json.loads(done.stdout)["state"]) == (0, "active")


def test_waiting_for_what_fails_says_so_in_the_services_words(terminal: Terminal) -> None:
    words = {"problem_code": "refused", "problem_message": "the disk is full", "problem_since": utcnow()}
    worker = threading.Thread(target=_settle_soon, args=(terminal,), kwargs=words)
    worker.start()
    done = terminal.run(*CREATE, "--wait", "60")
    worker.join()
    assert (done.exit_code, "the disk is full" in done.stderr) == (1, True)


def test_waiting_in_vain_has_a_code_of_its_own(terminal: Terminal) -> None:
    done = terminal.run(*CREATE, "--wait", "0.2")
    assert (done.exit_code, "not done after 0.2 s" in done.stderr) == (8, True)


def _settle_soon(terminal: Terminal, **values: object) -> None:
    """Do as the engine does, a moment after the mailbox was asked for."""
    with terminal.panel():
        end = time.monotonic() + 60
        while time.monotonic() < end:
            time.sleep(0.05)
            with unit_of_work():
                box = db.session.scalar(select(Mailbox.id).where(Mailbox.address == ALA))
                if box is not None:
                    db.session.execute(update(Mailbox).where(Mailbox.id == box).values(**values))
                    return


def test_many_are_changed_and_found(terminal: Terminal) -> None:
    terminal.json(*CREATE)
    assert terminal.json("mailboxes", "change", "suspend", ALA, "--dry-run")["counts"]["change"] == 1
    assert terminal.json("mailboxes", "show", ALA)["login"] == "waiting"
    assert "change: 1" in terminal.run("mailboxes", "change", "suspend", "--search", "ala", "--yes").stderr
    assert terminal.json("mailboxes", "show", ALA)["login"] == "blocked"
    assert terminal.run("mailboxes", "change", "suspend").exit_code == 4
    found = terminal.json("search", "ala@", "--kind", "mailbox")["groups"]
    assert [item["name"] for item in found[0]["items"]] == [ALA]
