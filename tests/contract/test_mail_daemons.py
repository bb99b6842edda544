"""What the adapter believes of the daemons, asked of the daemons themselves."""

from __future__ import annotations

import argon2
import pytest

from provisioning.agent.adapters.mail_hash import is_readable
from tests.contract.kinds import mailbox
from tests.contract.node import AgentUnderTest

PASSWORD = "for nobody"
GOOD = "{ARGON2ID}" + argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(PASSWORD)
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
    [GOOD, "{ARGON2ID}" + argon2.PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1).hash(PASSWORD)],
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


def test_nobody_but_root_and_the_daemons_reads_what_the_agent_keeps(mail: AgentUnderTest) -> None:
    script = "for f in /var/lib/cis/mail/mail.sqlite /etc/postfix/cis/mailboxes.lmdb /srv/mail /var/log/cis-agent.log"
    for reader in ("nobody", "cis-agent", "vmail"):
        words = mail.run(
            "sh",
            "-c",
            f"{script}; do setpriv --reuid {reader} --regid nogroup --clear-groups test -r $f && echo $f; done; :",
        )
        assert words.split() == (["/srv/mail"] if reader == "vmail" else [])
