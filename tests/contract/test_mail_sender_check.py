"""What a mailbox submits is in its own name: asked of the real Postfix, with what mail programs never send."""

from __future__ import annotations

import json
import smtplib
import time
from collections.abc import Iterator

import pytest

from provisioning.resources import Alias, Mailbox
from tests.contract.kinds import mailbox, new_address
from tests.contract.mail_client import SECONDS, send, subjects_when, submit_as
from tests.contract.node import AgentUnderTest, new_id

STARTER = "/etc/cis/boot.d/45-sender-check"

# Each with the holder's own address for %o, another's for %v. The holder signed in, and the envelope is its own.
HOSTILE = {
    "foreign": b"From: <%v>\r\n",
    "two in one": b"From: <%o>, <%v>\r\n",
    "no From": b"Subject: x\r\n",
    "nothing at all": b"",
    "empty": b"From: \r\n",
    "doubled": b"From: <%o>\r\nFrom: <%v>\r\n",
    "doubled in another case": b"From: <%o>\r\nfRoM: <%v>\r\n",
    "a blank before the colon": b"From: <%o>\r\nFrom : <%v>\r\n",
    "a tab before the colon": b"From\t: <%v>\r\nSubject: x\r\n",
    "folded": b"From: <%o>,\r\n <%v>\r\n",
    "folded at once": b"From:\r\n\t<%v>\r\n",
    "NUL": b"From: <%o>\0, <%v>\r\n",
    "NUL in the name": b"Fr\0om: <%v>\r\nFrom: <%o>\r\n",
    "encoded": b"From: =?utf-8?Q?=3C%v=3E?= <%o>\r\n",
    "a name that is an address": b'From: "%v" <%o>\r\n',
    "group": b"From: us: %v;\r\n",
    "comment": b"From: <%o> (<%v>)\r\n",
    "route": b"From: <@elsewhere.test:%v>\r\n",
    "Sender": b"From: <%o>\r\nSender: <%v>\r\n",
    "Resent-From": b"From: <%o>\r\nResent-From: <%v>\r\n",
    "sub-address of another": b"From: <%+>\r\n",
    "too long": b"From: " + b"x" * 9_000 + b" <%o>\r\n",
    "so long that its end is cut off": b"From: <%v>" + b" " * 110_000 + b"\r\n <%o>\r\n",
}


def test_ones_own_names_go_through(mail: AgentUnderTest, reader: Mailbox) -> None:
    alias = Alias(id=new_id(), generation=1, address=new_address(), target=reader.address)
    mail.make(alias)
    own = reader.address
    sub = own.replace("@", "+lista@")
    heads = [
        f"From: {own}",
        f"From: =?utf-8?Q?Urz=C4=85d?=\r\n <{own.upper()}>",
        f"From: Jan <{alias.address}>\r\nSender: {own}",
        f"From: {sub}",
    ]
    for number, head in enumerate(heads):
        assert submit(mail, reader, f"{head}\r\nSubject: own {number}\r\n".encode()).startswith("250")
    for number in range(len(heads)):
        assert f"own {number}" in subjects_when(mail, own, f"own {number}")
    client = submit_as(mail, own)
    client.sendmail(sub, [own], f"From: {sub}\r\nSubject: envelope\r\n\r\nx")
    client.sendmail("", [own], f"From: {own}\r\nSubject: a receipt\r\n\r\nx")
    client.quit()


def test_what_is_in_anothers_name_or_doubtful_is_refused(mail: AgentUnderTest, reader: Mailbox) -> None:
    victim = mailbox()
    mail.make(victim)
    places = {b"%o": reader.address, b"%v": victim.address, b"%+": victim.address.replace("@", "+x@")}
    answers = {}
    for name, template in HOSTILE.items():
        head = template
        for mark, address in places.items():
            head = head.replace(mark, address.encode())
        answers[name] = submit(mail, reader, head)
    assert {name: answer for name, answer in answers.items() if not answer.startswith("550 5.7.1 ")} == {}
    # A line's end within a line is made a blank by Postfix (cleanup_replace_stray_cr_lf), so it hides nothing.
    assert submit(mail, reader, f"From: {reader.address}\r\nSubject: x\rFrom: <a@b.test>\r\n".encode())[:3] == "250"
    assert subjects_when(mail, reader.address, "x From: <a@b.test>") == ["x From: <a@b.test>"]


def test_strangers_mail_is_not_asked_for_its_sender(mail: AgentUnderTest, reader: Mailbox) -> None:
    send(mail, reader.address, "from outside")
    assert subjects_when(mail, reader.address, "from outside") == ["from outside"]


def test_without_the_check_nothing_is_submitted_and_the_node_says_so(
    mail: AgentUnderTest, reader: Mailbox, check_stopped: None
) -> None:
    with smtplib.SMTP(mail.target.node_address, 587, timeout=60) as client:
        client.ehlo("holder.example")
        assert client.docmd("STARTTLS")[0] == 454
    assert mail.ask(op="health")["daemons"] == {"postfix": True, "dovecot": True, "sender-check": False}
    verdict = mail.lab.exec(mail.node.state.name, ["cis-node", "verify"])
    assert (verdict.returncode, json.loads(verdict.stdout)["daemons"]["sender-check"]) == (1, False)
    send(mail, reader.address, "still taken")
    assert subjects_when(mail, reader.address, "still taken") == ["still taken"]


def test_it_runs_as_nobody_much_and_goes_on_without_the_agent(mail: AgentUnderTest, reader: Mailbox) -> None:
    status = mail.run("sh", "-c", "cat /proc/$(cat /run/cis-sender-check.pid)/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (int(facts["CapEff"], 16), int(facts["CapBnd"], 16), facts["NoNewPrivs"]) == (0, 0, "1")
    user = ["setpriv", "--reuid", "cis-sender-check", "--regid", "dovecot", "--clear-groups"]
    for path in ("/srv/mail", "/etc/cis/tls/key.pem", "/var/log/cis-agent.log", "/etc/postfix/cis/senders.lmdb"):
        assert mail.lab.exec(mail.node.state.name, [*user, "test", "-r", path]).returncode != 0, path
    mail.node.session().close()
    mail.run("sh", "-c", "pkill -f '[a]gent.pyz serve'; while pgrep -f '[a]gent.pyz serve'; do sleep 0.02; done")
    assert submit(mail, reader, f"From: {reader.address}\r\n".encode()).startswith("250")


def submit(mail: AgentUnderTest, box: Mailbox, head: bytes) -> str:
    """Hand over a message with exactly these headers to the box itself; return the answer."""
    client = submit_as(mail, box.address)
    try:
        client.mail(box.address)
        client.rcpt(box.address)
        assert client.docmd("DATA")[0] == 354
        client.send(head + b"\r\ntext\r\n.\r\n")
        code, text = client.getreply()
        return f"{code} {text.decode()}"
    finally:
        client.close()


@pytest.fixture
def check_stopped(mail: AgentUnderTest) -> Iterator[None]:
    mail.run("start-stop-daemon", "--quiet", "--stop", "--retry", "5", "--pidfile", "/run/cis-sender-check.pid")
    yield
    mail.run("sh", "-c", f"{STARTER} </dev/null >/dev/null 2>&1")
    end = time.monotonic() + SECONDS
    while not mail.ask(op="health")["daemons"]["sender-check"]:
        assert time.monotonic() < end, "the check of senders did not start again"
        time.sleep(0.05)
