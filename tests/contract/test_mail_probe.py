from __future__ import annotations

import smtplib

import pytest

from provisioning.probes.findings import NotSeen, Seen
from provisioning.probes.imap import PROBE_FOLDER, PROBE_USER, ImapSession
from provisioning.probes.mail import MailProbe, MailTarget
from provisioning.probes.secrets import Master, new_master, new_token
from provisioning.probes.smtp import PROBE_HEADER
from provisioning.resources import Mailbox
from provisioning.ssh import AgentError
from tests.contract.kinds import mailbox, new_address
from tests.contract.mail_client import gone, open_imap, plain, send, sign_in, sign_in_inside, subjects_when
from tests.contract.node import AgentUnderTest

TEN_MINUTES_PASS = (
    "import sqlite3; store = sqlite3.connect('/var/lib/cis/mail/mail.sqlite', timeout=20); "
    "store.execute('UPDATE probe_login SET expires_at = expires_at - 600'); store.commit()"
)


def test_a_mailbox_that_waits_is_seen_by_a_message(mail: AgentUnderTest, probe: MailProbe) -> None:
    box = mailbox()
    mail.make(box)
    assert isinstance(look(mail, probe, box), Seen)
    assert isinstance(look(mail, probe, box), Seen)


def test_token_and_mailbox_may_come_in_one_batch(mail: AgentUnderTest, probe: MailProbe) -> None:
    box, token = mailbox(), new_token()
    mail.make(box, watch={"tokens": [{"mailbox_id": box.id, "token": token}]})
    assert isinstance(probe.see_message(box.address, token=token, master_secret=mail.master.secret), Seen)


def test_probes_leave_nothing_and_the_holder_does_not_see_the_folder(
    mail: AgentUnderTest, probe: MailProbe, reader: Mailbox
) -> None:
    assert isinstance(look(mail, probe, reader), Seen)
    session = sign_in(mail, reader.address)
    assert not [line for line in session.command('LIST "" "*"')[1] if PROBE_FOLDER.encode() in line]
    assert not session.command(f"SELECT {PROBE_FOLDER}")[0]
    assert b"* 0 EXISTS" in session.command("SELECT INBOX")[1]
    session.close()
    assert mail.run("find", f"/srv/mail/{reader.id[:2]}/{reader.id}/Maildir/.cis-probe/cur", "-type", "f") == ""


def test_the_probe_is_confined_to_its_folder(mail: AgentUnderTest, reader: Mailbox) -> None:
    send(mail, reader.address, "private")
    assert subjects_when(mail, reader.address, "private") == ["private"]
    session = as_probe(mail, reader)
    assert not session.command("SELECT INBOX")[0]
    assert not session.command("STATUS INBOX (MESSAGES)")[0]
    assert not session.command("CREATE elsewhere")[0]
    assert not session.command("RENAME INBOX elsewhere")[0]
    assert not session.command("DELETE cis-probe")[0]
    listed = [line.rpartition(b" ")[2] for line in session.command('LIST "" "*"')[1] if line.startswith(b"* LIST")]
    assert sorted(listed) == [b"INBOX", b"cis-probe"]  # INBOX is always listed (RFC 3501 5.1), opened it is not
    session.close()


def test_the_probes_login_opens_imap_only(mail: AgentUnderTest, reader: Mailbox) -> None:
    """Sending in a holder's name by the probe's login would be a way around all passwords."""
    with smtplib.SMTP(mail.target.node_address, 587, timeout=20) as client:
        client.starttls()
        client.ehlo("probe.example")
        credentials = plain(PROBE_USER, mail.master.secret, on_behalf_of=reader.address)
        assert client.docmd("AUTH", f"PLAIN {credentials}")[0] == 535


def test_the_probes_login_is_bound_to_its_network(mail: AgentUnderTest, reader: Mailbox) -> None:
    elsewhere = new_master("192.0.2.0/24")
    mail.watch(elsewhere)
    attempts = sign_in_inside(mail, PROBE_USER, elsewhere.secret, "", "'", "x' OR '1'='1", behalf=reader.address)
    assert [verdict for verdict, _ in attempts] == ["refused"] * 4


def test_each_worker_has_a_login_of_its_own_for_a_time(mail: AgentUnderTest, reader: Mailbox) -> None:
    brief = Master("127.0.0.0/8", 600, "brief-secret")
    mail.watch(brief)
    assert sign_in_inside(mail, PROBE_USER, brief.secret, behalf=reader.address)[0][0] == "accepted"
    as_probe(mail, reader).close()
    mail.run("python3", "-c", TEN_MINUTES_PASS)
    as_probe(mail, reader).close()
    assert sign_in_inside(mail, PROBE_USER, brief.secret, behalf=reader.address)[0][0] == "refused"


def test_a_forged_token_is_an_ordinary_message(mail: AgentUnderTest, reader: Mailbox) -> None:
    mail.token_for(reader.id)
    send(mail, reader.address, f"forged\r\n{PROBE_HEADER}: {new_token()}")
    send(mail, reader.address, f"empty\r\n{PROBE_HEADER}:")
    subjects_when(mail, reader.address, "empty")
    assert set(subjects_when(mail, reader.address, "forged")) == {"forged", "empty"}


def test_without_any_token_an_empty_header_is_an_ordinary_message(mail: AgentUnderTest, reader: Mailbox) -> None:
    send(mail, reader.address, f"empty\r\n{PROBE_HEADER}:")
    assert subjects_when(mail, reader.address, "empty") == ["empty"]


def test_a_token_is_good_once(mail: AgentUnderTest, probe: MailProbe, reader: Mailbox) -> None:
    token = mail.token_for(reader.id)
    secret = mail.master.secret
    assert isinstance(probe.see_message(reader.address, token=token, master_secret=secret), Seen)
    send(mail, reader.address, f"again\r\n{PROBE_HEADER}: {token}")
    assert subjects_when(mail, reader.address, "again") == ["again"]


def test_neither_token_nor_secret_stands_in_a_log(mail: AgentUnderTest, probe: MailProbe, reader: Mailbox) -> None:
    token = mail.token_for(reader.id)
    assert isinstance(probe.see_message(reader.address, token=token, master_secret=mail.master.secret), Seen)
    words = mail.run(
        "sh", "-c", "cat /var/log/mail.log /var/log/auth.log /var/log/syslog /var/log/cis-agent.log 2>/dev/null; :"
    )
    assert reader.address in words
    assert token not in words
    assert mail.master.secret not in words
    assert str(reader.password_hash) not in words


def test_a_token_is_good_for_its_mailbox_only(mail: AgentUnderTest, reader: Mailbox) -> None:
    other = mailbox()
    mail.make(other)
    send(mail, reader.address, f"stray\r\n{PROBE_HEADER}: {mail.token_for(other.id)}")
    assert subjects_when(mail, reader.address, "stray") == ["stray"]


def test_the_holders_rules_do_not_touch_probes(mail: AgentUnderTest, probe: MailProbe, reader: Mailbox) -> None:
    home = f"/srv/mail/{reader.id[:2]}/{reader.id}"
    script = f"mkdir -p {home} && echo discard\\; > {home}/.dovecot.sieve && chown -R vmail:vmail /srv/mail"
    mail.run("sh", "-c", script)
    assert isinstance(look(mail, probe, reader), Seen)


def test_an_unknown_mailbox_is_refused_at_once(mail: AgentUnderTest, probe: MailProbe) -> None:
    found = probe.see_message(new_address(), token=new_token(), master_secret=mail.master.secret, timeout=60)
    assert isinstance(found, NotSeen)
    assert found.code == "refused"
    assert found.message.startswith("550 ")


def test_a_message_the_node_does_not_know_as_the_probes_is_not_found(
    mail: AgentUnderTest, probe: MailProbe, reader: Mailbox
) -> None:
    for timeout in (0.5, 2.0, 8.0, 30.0):
        found = probe.see_message(reader.address, token=new_token(), master_secret=mail.master.secret, timeout=timeout)
        assert isinstance(found, NotSeen)
        if found.code == "not_delivered":
            return  # else the time was up before the message was even handed over
    pytest.fail(f"{found}")


def test_many_recipients_are_checked_at_once(mail: AgentUnderTest, probe: MailProbe) -> None:
    boxes = [mailbox() for _ in range(250)]
    mail.make(*boxes)
    strangers = [new_address() for _ in range(25)]
    found = probe.see_recipients([box.address for box in boxes])
    assert {type(one) for one in found.values()} == {Seen}
    assert len(found) == len(boxes)
    assert set(probe.see_absence(strangers).values()) == {True}
    mail.make(*map(gone, boxes[:20]))
    absent = probe.see_absence([box.address for box in boxes[:25]])
    assert list(absent.values()) == [True] * 20 + [False] * 5


def test_a_warm_probe_survives_a_restart_of_the_node(mail: AgentUnderTest, probe: MailProbe) -> None:
    box = mailbox()
    mail.make(box)
    assert isinstance(look(mail, probe, box), Seen)
    mail.run("sh", "-c", "postfix stop >/dev/null 2>&1; postfix start >/dev/null 2>&1 </dev/null")
    assert isinstance(look(mail, probe, box), Seen)


def test_another_certificate_is_not_trusted(mail: AgentUnderTest, reader: Mailbox) -> None:
    made = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout /dev/null 2>/dev/null"
    )
    name = f"-addext subjectAltName=DNS:{mail.target.hostname}"
    other = mail.run("sh", "-c", f"{made} {name}")
    probe = MailProbe(MailTarget(mail.target.node_address, mail.target.hostname, other))
    found = probe.see_login(reader.address, master_secret=mail.master.secret)
    assert isinstance(found, NotSeen)
    assert found.code == "tls"


def test_a_login_probe_sees_a_mailbox(mail: AgentUnderTest, probe: MailProbe, reader: Mailbox) -> None:
    found = probe.see_login(reader.address, master_secret=mail.master.secret)
    assert isinstance(found, Seen)
    assert found.how == "login"


@pytest.mark.parametrize("watch", [{"tokens": 7}, {"master": {"digest": "x", "network": "10.0.0.0/8", "seconds": 9}}])
def test_a_watch_that_is_none_is_refused(mail: AgentUnderTest, watch: dict[str, object]) -> None:
    with pytest.raises(AgentError) as error:
        mail.ask(op="watch", fence=mail.fence, watch=watch)
    assert error.value.code == "bad_request"


def look(mail: AgentUnderTest, probe: MailProbe, box: Mailbox) -> Seen | NotSeen:
    return probe.see_message(box.address, token=mail.token_for(box.id), master_secret=mail.master.secret)


def as_probe(mail: AgentUnderTest, box: Mailbox) -> ImapSession:
    session = open_imap(mail)
    session.sign_in(PROBE_USER, mail.master.secret, on_behalf_of=box.address)
    return session
