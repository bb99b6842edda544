"""People are erased by command: with an account and without, a look at what goes first."""

from __future__ import annotations

from sqlalchemy import select

from panel.identity.models import User
from panel.kernel.db import db
from panel.members.models import Member
from tests.cli.terminal import Terminal


def test_people_with_an_account_and_without_are_erased_by_command(terminal: Terminal) -> None:
    create = ["users", "create", "ala@x.pl", "--name", "Ala Kot", "--role", "auditor", "--password-stdin"]
    terminal.run(*create, given="correct horse battery\n")
    shown = terminal.json("audit", "erase-person", "ala@x.pl", "--dry-run")
    assert shown["events"] >= 1
    assert terminal.json("audit", "erase-person", "ala@x.pl", "--reason", "Wniosek")["values"] == shown["values"]
    with terminal.panel():
        assert db.session.scalar(select(User.id).where(User.email == "ala@x.pl")) is None
        db.session.scalars(select(Member).limit(1)).one().contacts = [{"name": "Nowak Jan"}]
        db.session.commit()
    who = ["audit", "erase-named", "--name", "Jan Nowak", "--email", "jan@x.pl"]
    assert terminal.json(*who, "--dry-run")["mentions"] == {"members": 1}
    refused = terminal.run(*who)
    assert refused.exit_code != 0, "a reason is missing"
    assert terminal.json(*who, "--reason", "Wniosek z 3 listopada")["mentions"] == {"members": 1}
    assert terminal.run("audit", "verify").exit_code == 0
