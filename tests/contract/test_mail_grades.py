"""What holding a member's services back does on the node: the table of docs/explanation/grades.md, line by line."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from provisioning.probes.findings import Seen
from provisioning.probes.mail import MailProbe
from provisioning.resources import Alias, Grade, Mailbox
from provisioning.shards import shard_of
from tests.contract.kinds import mailbox, new_address
from tests.contract.mail_client import (
    PASSWORD,
    assert_ended,
    mail_then_rcpt,
    send,
    sign_in,
    sign_in_inside,
    subjects_when,
    submit_as,
)
from tests.contract.mail_doors import AS_EVER, Row, ask_doors, table
from tests.contract.node import AgentUnderTest, new_id

NOTICE = "Zalegle oplaty - biuro@wokiss.pl, 61 000"


TABLE = table(NOTICE)


@pytest.mark.parametrize("grade", TABLE)
def test_each_door_answers_as_the_table_says_and_as_before_once_it_is_over(
    mail: AgentUnderTest, reader: Mailbox, grade: Grade
) -> None:
    alias = Alias(id=new_id(), generation=1, address=new_address(), target=reader.address)
    mail.make(alias)
    send(mail, reader.address, "before")
    assert subjects_when(mail, reader.address, "before") == ["before"]
    graded = replace(reader, generation=2, grade=grade, notice=NOTICE if grade else "")
    mail.make(graded)
    assert_row(TABLE[grade], mail, graded, alias)
    mail.make(replace(reader, generation=3))
    assert_row(AS_EVER, mail, reader, alias)
    assert "before" in subjects_when(mail, reader.address, "before")


def test_the_probe_gets_in_where_the_holder_does_not_and_sees_what_is_closed(
    mail: AgentUnderTest, probe: MailProbe, reader: Mailbox
) -> None:
    session = sign_in(mail, reader.address)
    mail.make(replace(reader, generation=2, grade="no_send"))
    assert session.command("NOOP")[0]
    client = submit_as(mail, reader.address)
    mail.make(replace(reader, generation=3, grade="no_login", notice=NOTICE))
    assert_ended(session)
    assert mail_then_rcpt(client, reader.address, reader.address) == 550
    client.close()
    found = probe.see_login(reader.address, master_secret=mail.master.secret)
    assert isinstance(found, Seen)
    assert probe.see_absence([reader.address]) == {reader.address: False}
    mail.make(replace(reader, generation=4, grade="closed"))
    assert probe.see_absence([reader.address]) == {reader.address: True}


def test_a_blocked_or_waiting_mailbox_is_what_it_was_when_the_grade_is_over(
    mail: AgentUnderTest, password_hash: str
) -> None:
    waiting, blocked = mailbox(), mailbox(login="blocked", password_hash=password_hash)
    mail.make(waiting, blocked)
    mail.make(replace(waiting, generation=2, grade="closed"), replace(blocked, generation=2, grade="no_send"))
    assert mail.run("postmap", "-q", waiting.address, "lmdb:/etc/postfix/cis/closed").startswith("550 5.2.1")
    mail.make(replace(waiting, generation=3), replace(blocked, generation=3))
    for box in (waiting, blocked):
        attempts = sign_in_inside(mail, box.address, PASSWORD)
        assert [verdict for verdict, _ in attempts] == ["refused"]
        rows = mail.run("sh", "-c", "for map in closed stopped senders; do postmap -s lmdb:/etc/postfix/cis/$map; done")
        assert box.address not in rows


def test_a_graded_row_that_somebody_edits_or_loses_is_told_and_repaired(mail: AgentUnderTest, reader: Mailbox) -> None:
    graded = replace(reader, generation=2, grade="closed", notice=NOTICE)
    mail.make(graded)
    before = mail.ask(op="keys", kind="mailbox", shards=[shard_of(reader.id)])["items"][reader.id]
    assert (before["digest"], before["served"]) == (graded.digest(), True)
    (told,) = mail.ask(op="read", kind="mailbox", ids=[reader.id])["items"]
    assert (told["grade"], told["notice"]) == ("closed", NOTICE)
    mail.run("postmap", "-d", reader.address, "lmdb:/etc/postfix/cis/closed")
    assert not mail.ask(op="keys", kind="mailbox", shards=[shard_of(reader.id)])["items"][reader.id]["served"]
    mail.make(graded, repair=True)
    after = mail.ask(op="keys", kind="mailbox", shards=[shard_of(reader.id)])["items"][reader.id]
    assert after == before


def assert_row(row: Row, mail: AgentUnderTest, box: Mailbox, alias: Alias) -> None:
    """Ask each door; each answer must hold what the table says."""
    found = ask_doors(mail.run, box.address, alias.address, PASSWORD)
    assert all(re.search(wanted, answer) for wanted, answer in zip(row, found, strict=True)), found
