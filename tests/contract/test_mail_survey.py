"""What a survey finds on a real mail node beside what every kind promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from provisioning.resources import Gone, Mailbox
from provisioning.ssh import AgentError
from tests.contract.kinds import mailbox, new_address
from tests.contract.node import AgentUnderTest

STORE = "/var/lib/cis/mail/mail.sqlite"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/postfix/main.cf",
        "/etc/dovecot/cis/passdb.conf",
        "/etc/ssh/sshd_config.d/10-cis-agent.conf",
        "/etc/ssh/cis-agent.keys",
        "/usr/local/lib/cis/agent",
    ],
)
def test_a_configuration_file_that_was_edited_is_told(mail: AgentUnderTest, path: str) -> None:
    assert set(mail.ask(op="survey")["files"].values()) == {True}
    with edited(mail, path):
        files = mail.ask(op="survey")["files"]
        assert [name for name, as_written in files.items() if not as_written] == [path]


def test_a_row_that_was_edited_is_found(mail: AgentUnderTest, reader: Mailbox) -> None:
    """Dovecot serves what was written at once; the map is untouched."""
    before = mail.ask(op="survey")["kinds"]["mailbox"]["shards"]
    execute(mail, "UPDATE mailbox SET quota_mb = 7 WHERE id = ?", reader.id)
    after = mail.ask(op="survey")["kinds"]["mailbox"]["shards"]
    assert {shard for shard in before if before[shard] != after[shard]} == {reader.id[-2:]}
    found = mail.ask(op="read", kind="mailbox", ids=[reader.id])["items"][0]
    assert (found["quota_mb"], found["address"]) == (7, reader.address)
    mail.make(reader)
    assert mail.ask(op="survey")["kinds"]["mailbox"]["shards"] == before


def test_who_may_not_send_and_could_is_told(mail: AgentUnderTest) -> None:
    """A blocked mailbox that somebody put among the senders: nobody wanted that row, and a repair takes it away."""
    box = mailbox()
    mail.make(box)
    mail.run("postmap", "-i", "lmdb:/etc/postfix/cis/senders", stdin=f"{box.address} {box.address}\n")
    row = {"map": "senders", "key": box.address, "value": box.address}
    assert row in mail.ask(op="survey")["foreign"]
    mail.make(box, repair=True)
    assert row not in mail.ask(op="survey")["foreign"]


def test_a_row_that_could_be_in_no_map_does_not_stop_the_others(mail: AgentUnderTest) -> None:
    box = mailbox()
    mail.make(box)
    execute(mail, "UPDATE mailbox SET address = 'ż b' || char(10) || '#x' WHERE id = ?", box.id)
    others = [mailbox() for _ in range(60)]
    mail.make(*others)  # so many that the map is rebuilt
    assert mail.ask(op="keys", kind="mailbox", shards=[box.id[-2:]])["items"][box.id]["served"] is False
    mail.make(box)
    assert mail.ask(op="keys", kind="mailbox", shards=[box.id[-2:]])["items"][box.id]["served"] is True


def test_a_row_that_somebody_added_is_among_the_keys(mail: AgentUnderTest) -> None:
    box = mailbox()
    statement = "INSERT INTO mailbox VALUES (?, 1, ?, 'waiting', NULL, 5, 'contract.test')"
    execute(mail, statement, box.id, box.address)
    found = mail.ask(op="keys", kind="mailbox", shards=[box.id[-2:]])["items"][box.id]
    assert (found["name"], found["served"]) == (box.address, False)
    mail.make(Gone(kind="mailbox", id=box.id, generation=1))


@pytest.mark.parametrize("key", ["a b", "x@y.test\nz@y.test", "-d", "", "#", "@", "A@b.test"])
def test_only_what_postfix_looks_up_can_be_dropped(mail: AgentUnderTest, key: str) -> None:
    with pytest.raises(AgentError) as error:
        mail.ask(op="drop", fence=mail.fence, foreign=[{"map": "aliases", "key": key}])
    assert error.value.code == "bad_request"


def test_no_other_file_can_be_named_as_a_map(mail: AgentUnderTest) -> None:
    with pytest.raises(AgentError):
        mail.ask(op="drop", fence=mail.fence, foreign=[{"map": "../x", "key": new_address()}])


def test_a_row_for_a_whole_domain_can_be_dropped(mail: AgentUnderTest) -> None:
    mail.run("postmap", "-i", "lmdb:/etc/postfix/cis/aliases", stdin="@catch.test all@contract.test\n")
    named = {"map": "aliases", "key": "@catch.test"}
    assert mail.ask(op="drop", fence=mail.fence, foreign=[named])["dropped"] == [
        {**named, "value": "all@contract.test"}
    ]


def test_health_tells_of_the_certificate_the_queue_and_the_disks(mail: AgentUnderTest) -> None:
    health = mail.ask(op="health")
    assert datetime.fromisoformat(health["certificate_expires_at"]) - datetime.now(UTC) > timedelta(days=3000)
    assert set(health["queue"]) >= {"active", "deferred"}
    assert {disk["path"] for disk in health["disks"]} == {"/", "/srv/mail", "/var/lib/cis/mail"}
    assert all(0 < disk["free"] <= disk["total"] for disk in health["disks"])


@contextmanager
def edited(mail: AgentUnderTest, path: str) -> Iterator[None]:
    """Hold another content of the same size in a file, its times put back; then the old one."""
    change = f"sed 's/panel/PANEL/;s/set-up/SET-UP/' /tmp/kept > {path}"
    script = f"cp -p {path} /tmp/kept && {change} && touch -r /tmp/kept {path}"
    mail.run("sh", "-c", script)
    try:
        yield
    finally:
        mail.run("sh", "-c", f"cat /tmp/kept > {path}")


def execute(mail: AgentUnderTest, statement: str, *values: str) -> None:
    script = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2], sys.argv[3:])"
    )
    mail.run("python3", "-c", script, STORE, statement, *values)
