"""The panel is off for days: nothing speaks with the node, and what the panel made for a short time is over."""

from __future__ import annotations

from provisioning.resources import Mailbox
from tests.contract.kinds import mailbox
from tests.contract.mail_client import mail_then_rcpt, send, subjects_when, submit_as
from tests.contract.node import AgentUnderTest

_DAYS_LATER = (
    "import sqlite3; store = sqlite3.connect('/var/lib/cis/mail/mail.sqlite'); "
    "[store.execute(f'UPDATE {name} SET expires_at = 0') for name in ('probe_login', 'probe_token')]; store.commit()"
)
_NOBODY_SPEAKS = "for i in $(seq 1200); do pgrep -f '[a]gent.pyz serve' >/dev/null || exit 0; sleep 0.05; done; exit 1"


def test_mail_goes_on_and_the_panel_finds_its_node_again(mail: AgentUnderTest, reader: Mailbox) -> None:
    mail.node.session().close()
    mail.run("python3", "-c", _DAYS_LATER)
    mail.run("postfix", "reload")
    mail.run("doveadm", "reload")
    mail.run("sh", "-c", _NOBODY_SPEAKS)

    send(mail, reader.address, "while the panel is off")
    assert subjects_when(mail, reader.address, "while the panel is off") == ["while the panel is off"]
    with submit_as(mail, reader.address) as client:
        assert mail_then_rcpt(client, reader.address, reader.address) == 250

    mail.watch(mail.master)
    mail.make(mailbox())
