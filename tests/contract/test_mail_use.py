"""How much mailboxes hold, told by the node: Dovecot's own count, and only what is news."""

from __future__ import annotations

import time
from typing import Any

from provisioning.resources import Mailbox
from tests.contract.kinds import mailbox
from tests.contract.mail_client import send, sign_in, subjects_when
from tests.contract.node import AgentUnderTest

WAIT_SECONDS = 30


def test_the_node_tells_what_dovecot_counts_and_afterwards_only_what_is_news(
    mail: AgentUnderTest, reader: Mailbox
) -> None:
    never = mailbox()
    mail.make(never)
    first = until_told(mail, 0, {never.id: 0, reader.id: 0})
    send(mail, reader.address, "big", ("x" * 70 + "\r\n") * 4_000)
    subjects_when(mail, reader.address, "big")
    counted = dovecots_count(mail, reader)
    assert counted > 250
    told = until_told(mail, first["mark"], {reader.id: counted})
    assert never.id not in told["use"]
    assert told["whole_seconds"] is not None

    session = sign_in(mail, reader.address)
    session.command("STORE 1 +FLAGS (\\Deleted)")
    session.command("EXPUNGE")
    session.close()
    until_told(mail, told["mark"], {reader.id: 0})


def test_one_that_cannot_be_read_is_not_known_and_stops_none_of_the_others(
    mail: AgentUnderTest, reader: Mailbox
) -> None:
    odd = mailbox()
    mail.make(odd)
    mark = until_told(mail, 0, {odd.id: 0, reader.id: 0})["mark"]
    send(mail, odd.address, "small")
    edit(mail, odd, "none")
    send(mail, reader.address, "small")
    subjects_when(mail, reader.address, "small")
    until_told(mail, mark, {odd.id: -1, reader.id: dovecots_count(mail, reader)})
    edit(mail, odd, str(odd.quota_mb))
    until_told(mail, mark, {odd.id: dovecots_count(mail, odd)})


def test_a_round_that_was_made_a_moment_ago_is_not_made_again(mail: AgentUnderTest) -> None:
    mark = until_told(mail, 0, {})["mark"]
    box = mailbox()
    mail.make(box)
    assert box.id not in mail.ask(op="use", after=mark, seconds=5, every=3_600)["use"]
    until_told(mail, mark, {box.id: 0})
    # A mark that this store never gave: the panel is told all.
    assert box.id in until_told(mail, 0, {})["use"] | told_from(mail, 10**9)


def until_told(mail: AgentUnderTest, after: int, wanted: dict[str, int]) -> dict[str, Any]:
    """Ask until the node has told this much since ``after``; the last reply, with all that was told."""
    told: dict[str, int] = {}
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        reply = mail.ask(op="use", after=after, seconds=5, every=0)
        told, after = told | reply["use"], reply["mark"]
        if not reply["more"] and {id_: told.get(id_) for id_ in wanted} == wanted:
            return reply | {"use": told}
        time.sleep(0.05)
    raise AssertionError({id_: (told.get(id_), kib) for id_, kib in wanted.items()})


def told_from(mail: AgentUnderTest, after: int) -> dict[str, int]:
    reply = mail.ask(op="use", after=after, seconds=0, every=3_600)
    use: dict[str, int] = reply["use"]
    return use if not reply["more"] else use | told_from(mail, reply["mark"])


def edit(mail: AgentUnderTest, box: Mailbox, quota: str) -> None:
    """Write a quota into the row by hand: one from which Dovecot can read no rule, or the right one again."""
    script = (
        "import sqlite3, sys; sqlite3.connect('/var/lib/cis/mail/mail.sqlite', timeout=9, isolation_level=None)"
        ".execute('UPDATE mailbox SET quota_mb = ? WHERE id = ?', sys.argv[1:])"
    )
    mail.run("python3", "-c", script, quota, box.id)


def dovecots_count(mail: AgentUnderTest, box: Mailbox) -> int:
    lines = mail.run("doveadm", "-f", "tab", "quota", "get", "-u", box.address).splitlines()
    return next(int(line.split("\t")[2]) for line in lines if "\tSTORAGE\t" in line)
