"""``cis step-ins`` and handing a mailbox over at the terminal."""

from __future__ import annotations

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.stepping_in import enter
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.members.actions import members_query
from panel.members.models import Member
from tests.cli.terminal import Terminal


def test_stays_are_listed_and_ended(terminal: Terminal) -> None:
    with terminal.panel():
        ensure_roles()
        anna = create_user(SYSTEM, email="anna@wokiss.pl", name="Anna Nowak", password_hash=None, role="support")
        koscian = db.session.scalars(members_query(SYSTEM).where(Member.slug == "miasto-koscian")).one()
        stay = str(enter(actor_for_user(anna, fresh=True), koscian.id, reason="Prośba o pomoc, telefon").id)
    (row,) = terminal.json("step-ins", "list", "--member", "miasto-koscian", "--open")
    assert (row["id"], row["user_name"], row["ended_by"]) == (stay, "Anna Nowak", None)
    assert terminal.json("step-ins", "end", stay)["ended_by"] == "staff"
    assert terminal.json("step-ins", "list", "--open") == []


def test_a_mailbox_is_handed_over_at_the_terminal(terminal: Terminal) -> None:
    terminal.json("mailboxes", "create", "biuro@info.wokiss.pl", "--member", "miasto-koscian")
    names = ("--successor", "Ewa Nowa", "--authority", "Zarządzenie nr 12/2026", "--earlier", "Jan Dawny")
    assert "/activate/" in terminal.json("mailboxes", "take-over", "biuro@info.wokiss.pl", *names)["activation"]["link"]
    assert "/activate/" in terminal.json("mailboxes", "hand-back", "biuro@info.wokiss.pl")["activation"]["link"]
