"""Mail programs for the tests: what holders, senders and strangers do."""

from __future__ import annotations

import base64
import smtplib
import ssl
import time

import argon2
import pytest

from provisioning.probes.imap import ImapSession
from provisioning.probes.lines import Deadline, PinnedTls, ProbeError
from provisioning.resources import Alias, Gone, Mailbox, MailDomain
from tests.contract.node import AgentUnderTest

# In composed letters (NFC), as mail programs send them.
PASSWORD = "Zażółć gęślą jaźń 7"
SECONDS = 60.0
"""How long anything of the node's may take where much else runs on the machine."""


def hash_of(password: str) -> str:
    """Hash a password as the panel does."""
    hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    return "{ARGON2ID}" + hasher.hash(password.encode())


def send(mail: AgentUnderTest, address: str, subject: str, text: str = "Hello") -> None:
    message = f"From: <somebody@outside.example>\r\nTo: <{address}>\r\nSubject: {subject}\r\n\r\n{text}\r\n"
    with smtplib.SMTP(mail.target.node_address, timeout=SECONDS) as client:
        client.sendmail("somebody@outside.example", [address], message)


def send_until_refused(mail: AgentUnderTest, address: str, text: str) -> int:
    """Fill a mailbox; return the code with which more is refused."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            send(mail, address, "more", text)
        except smtplib.SMTPRecipientsRefused as error:
            return error.recipients[address][0]
        time.sleep(0.05)
    return 0


def sign_in(mail: AgentUnderTest, address: str, password: str = PASSWORD) -> ImapSession:
    session = open_imap(mail)
    session.sign_in(address, password)
    session.select("INBOX")
    return session


def open_imap(mail: AgentUnderTest) -> ImapSession:
    tls = PinnedTls(mail.target.hostname, mail.target.certificate_pem)
    return ImapSession(mail.target.node_address, tls, Deadline(3 * SECONDS))


def sign_in_inside(mail: AgentUnderTest, login: str, *passwords: str, behalf: str = "") -> list[tuple[str, float]]:
    """Try passwords from the node itself, all at once and each from an address of its own.

    Wrong passwords slow down all who come from the same address: the tests' own address stays clean.
    """
    output = mail.run("python3", "-c", _SIGN_IN, behalf, login, *passwords)
    return [(verdict, float(seconds)) for verdict, seconds in map(str.split, output.splitlines())]


def subjects_when(mail: AgentUnderTest, address: str, awaited: str) -> list[str]:
    """Read the subjects in INBOX as soon as the awaited one is there."""
    session = sign_in(mail, address)
    try:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            session.command("CHECK")
            _, lines = session.command("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
            subjects = [line.partition(b": ")[2].strip().decode() for line in lines if line.startswith(b"Subject:")]
            if awaited in subjects:
                return subjects
            time.sleep(0.02)
        return []
    finally:
        session.close()


def assert_ended(session: ImapSession) -> None:
    try:
        until = time.monotonic() + SECONDS / 2
        while time.monotonic() < until:
            session.command("NOOP")
            time.sleep(0.02)
    except ProbeError as error:
        assert error.code == "unreachable"  # noqa: PT017  # when it comes is up to the node
    else:
        pytest.fail("the session lives on")
    finally:
        session.close()


def submit_as(mail: AgentUnderTest, login: str, password: str = PASSWORD) -> smtplib.SMTP:
    context = ssl.create_default_context(cadata=mail.target.certificate_pem)
    context.check_hostname = False
    client = smtplib.SMTP(mail.target.node_address, 587, timeout=SECONDS)
    client.starttls(context=context)
    client.ehlo("holder.example")
    assert client.docmd("AUTH", f"PLAIN {plain(login, password)}")[0] == 235
    return client


def plain(login: str, password: str, *, on_behalf_of: str = "") -> str:
    """Build what SASL PLAIN sends (RFC 4616)."""
    return base64.b64encode(f"{on_behalf_of}\0{login}\0{password}".encode()).decode()


def mail_then_rcpt(client: smtplib.SMTP, sender: str, recipient: str) -> int:
    client.rset()
    client.mail(sender)
    return client.rcpt(recipient)[0]


def gone(item: Mailbox | MailDomain | Alias) -> Gone:
    return Gone(kind=item.kind, id=item.id, generation=item.generation + 1)


_SIGN_IN = """
import base64, random, socket, ssl, sys, time
from concurrent.futures import ThreadPoolExecutor

def attempt(password):
    source = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
    plain = socket.create_connection(("127.0.0.1", 993), source_address=(source, 0), timeout=60)
    with ssl._create_unverified_context().wrap_socket(plain) as stream:
        stream.recv(4096)
        started = time.monotonic()
        words = "\\0".join([*sys.argv[1:3], password]).encode()
        stream.sendall(b"a AUTHENTICATE PLAIN " + base64.b64encode(words) + b"\\r\\n")
        answer = stream.recv(4096)
        verdict = {b"OK": "accepted", b"NO": "refused"}.get(answer.split()[1], "broken")
        return f"{verdict} {time.monotonic() - started}"

with ThreadPoolExecutor(8) as pool:
    print(*pool.map(attempt, sys.argv[3:]), sep="\\n")
"""
