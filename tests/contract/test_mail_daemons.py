"""What the adapter believes of the daemons, asked of the daemons themselves."""

from __future__ import annotations

import smtplib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest

from provisioning.agent.adapters.mail_hash import is_readable
from provisioning.resources import Mailbox, to_wire
from provisioning.ssh import AgentSession
from tests.contract.kinds import mailbox
from tests.contract.node import AgentUnderTest, new_id

PASSWORD = "for nobody"
# The salt is fixed: a hash cut by one letter is readable by chance, for one salt in sixteen.
GOOD = "{ARGON2ID}" + argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(
    PASSWORD, salt=b"a" * 16
)
_UNREADABLE = [
    "{ARGON2ID}" + "A" * 60,
    GOOD.replace("argon2id", "argon2i", 1),
    GOOD.replace("m=19456", "m=019456"),
    GOOD.replace("t=2", "t=0"),
    GOOD.replace("p=1", "p=0"),
    GOOD + "=",
    GOOD[:-1],
    GOOD + "$",
    GOOD[:-43] + "B" * 42 + "B",
]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "{ARGON2ID}"
        + argon2.PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1).hash(PASSWORD, salt=b"c" * 16),
    ],
)
def test_dovecot_reads_the_hashes_we_take(mail: AgentUnderTest, text: str) -> None:
    assert is_readable(text)
    assert "(verified)" in mail.run("doveadm", "pw", "-p", PASSWORD, "-t", text)


@pytest.mark.parametrize("text", _UNREADABLE)
def test_dovecot_does_not_read_the_hashes_we_refuse(mail: AgentUnderTest, text: str) -> None:
    assert not is_readable(text)
    argv = ["doveadm", "pw", "-p", PASSWORD, "-t", text]
    assert mail.lab.exec(mail.node.state.name, argv).returncode != 0


def test_the_daemons_take_their_configuration_without_a_warning(mail: AgentUnderTest) -> None:
    assert mail.run("sh", "-c", "postfix check 2>&1; doveconf -n 2>&1 >/dev/null") == ""


def test_a_thousand_rows_and_then_one_are_all_served(mail: AgentUnderTest) -> None:
    """A rebuild of the whole map, with a postmap already waiting for single rows."""
    mail.make(mailbox())
    mail.make(*(mailbox() for _ in range(1000)))
    mail.make(mailbox())
    assert '"missing": 0' in mail.lab.exec(mail.node.state.name, ["cis-node", "verify"]).stdout.decode()


def test_one_refused_among_ten_thousand_stops_none_of_the_others(mail: AgentUnderTest) -> None:
    boxes = [mailbox() for _ in range(10_000)]
    poison = boxes[5_000]
    mail.run("postmap", "-i", "lmdb:/etc/postfix/cis/mailboxes", stdin=f"{poison.address} foreign\n")
    outcomes = mail.send(boxes)
    assert Counter(one["outcome"] for one in outcomes) == {"applied": 9_999, "refused": 1}
    assert "duplicate entry" in outcomes[5_000]["message"]
    survey = mail.ask(op="survey")
    assert [row["key"] for row in survey["foreign"]] == [poison.address]
    assert is_taken(mail, boxes[4_999])
    assert is_taken(mail, boxes[9_999])
    mail.ask(op="drop", fence=mail.fence, foreign=survey["foreign"])
    assert [one["outcome"] for one in mail.send([poison])] == ["applied"]


def test_nobody_but_root_and_the_daemons_reads_what_the_agent_keeps(mail: AgentUnderTest) -> None:
    script = "for f in /var/lib/cis/mail/mail.sqlite /etc/postfix/cis/mailboxes.lmdb /srv/mail /var/log/cis-agent.log"
    for reader in ("nobody", "cis-agent", "vmail"):
        words = mail.run(
            "sh",
            "-c",
            f"{script}; do setpriv --reuid {reader} --regid nogroup --clear-groups test -r $f && echo $f; done; :",
        )
        assert words.split() == (["/srv/mail"] if reader == "vmail" else [])


def test_what_postmap_cannot_do_is_failed_and_done_with_the_next_batch(mail: AgentUnderTest) -> None:
    box = mailbox()
    mail.run(
        "sh",
        "-c",
        "mv /usr/sbin/postmap /usr/sbin/postmap.away; pkill -x postmap; while pgrep -r R,S,D -x postmap; do :; done",
    )
    try:
        (outcome,) = mail.send([box])
    finally:
        mail.run("mv", "/usr/sbin/postmap.away", "/usr/sbin/postmap")
    assert (outcome["outcome"], outcome["code"]) == ("failed", "map")
    assert "No such file" in outcome["message"]
    assert not is_taken(mail, box)
    (outcome,) = mail.send([box])
    assert outcome["outcome"] == "unchanged"
    assert is_taken(mail, box)


def test_a_map_file_that_was_replaced_is_written_to(mail: AgentUnderTest) -> None:
    mail.make(mailbox())
    mail.run("sh", "-c", "cd /etc/postfix/cis && cp -p mailboxes.lmdb copy && mv copy mailboxes.lmdb")
    box = mailbox()
    mail.make(box)
    assert is_taken(mail, box)


def test_a_kept_mailbox_is_seen_by_the_daemons_after_their_restart(mail: AgentUnderTest) -> None:
    box = mailbox()
    mail.make(box)
    gone = "while pgrep -x dovecot >/dev/null; do sleep 0.02; done"
    script = f"postfix stop; doveadm stop; {gone}; for boot in /etc/cis/boot.d/*; do $boot; done"
    mail.run("sh", "-c", f"({script}) </dev/null >/tmp/restart.log 2>&1")
    assert is_taken(mail, box)
    assert mail.run("doveadm", "user", "-f", "home", box.address).strip().endswith(box.id)


def test_two_workers_at_once_do_not_hinder_each_other(mail: AgentUnderTest) -> None:
    boxes = [[mailbox() for _ in range(3)] for _ in range(20)]
    node = mail.node
    other = AgentSession(node.state.address, node.state.ssh_port, node.host_key, node.panel_key)
    batches = [
        {"op": "apply", "fence": mail.fence, "batch": new_id(), "items": [to_wire(box) for box in some]}
        for some in boxes
    ]
    sessions = (node.session(), other)
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda i: sessions[i % 2].request(batches[i], 60), range(len(batches))))
    other.close()
    assert {one["outcome"] for reply in replies for one in reply["outcomes"]} == {"applied"}
    assert all(is_taken(mail, some[0]) for some in boxes)


def is_taken(mail: AgentUnderTest, box: Mailbox) -> bool:
    with smtplib.SMTP(mail.target.node_address, timeout=60) as client:
        client.ehlo("outside.example")
        client.mail("somebody@outside.example")
        return client.rcpt(box.address)[0] == 250
