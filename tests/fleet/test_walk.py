"""The whole walk of a mailbox: asked for by a program, served by real Postfix and Dovecot, proven from outside."""

from __future__ import annotations

import imaplib
import os
import pwd
import re
import smtplib
import ssl
import stat
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from panel.cli.running import RunningPanel
from provisioning.lab import processes
from tests.bench.api import Api, ApiFailed

PASSWORD = "Zażółć gęślą jaźń 7"
WAIT = 60
"""What anything may take where much else runs on the machine."""


@dataclass
class Fleet:
    """A running panel as a program sees it, and its mail node as the world sees it."""

    panel: RunningPanel
    api: Api
    member_id: str
    node: str

    def new(self, name: str, **fields: Any) -> dict[str, Any]:
        """A mailbox of Kościan's, waited for."""
        address = f"{name}.{uuid.uuid4().hex[:8]}@info.wokiss.pl"
        body = {"member_id": self.member_id, "address": address, **fields}
        return self.api.post("/mailboxes", body, wait=WAIT)

    def act(self, mailbox: dict[str, Any], action: str, **fields: Any) -> dict[str, Any]:
        """Do something to it and wait."""
        return self.api.post(f"/mailboxes/{mailbox['id']}/{action}", fields, wait=WAIT)

    def rcpt(self, address: str) -> int:
        """What the node answers to a stranger who has mail for ``address``."""
        with smtplib.SMTP(self.node, timeout=WAIT) as client:
            client.helo("outside.example")
            client.mail("somebody@outside.example")
            return client.rcpt(address)[0]

    def send(self, address: str, subject: str) -> None:
        """Send a message as a stranger does."""
        with smtplib.SMTP(self.node, timeout=WAIT) as client:
            text = f"From: <somebody@outside.example>\r\nTo: <{address}>\r\nSubject: {subject}\r\n\r\nDzień dobry\r\n"
            client.sendmail("somebody@outside.example", [address], text.encode())

    @contextmanager
    def signed_in(self, address: str, password: str = PASSWORD) -> Iterator[imaplib.IMAP4_SSL]:
        """An IMAP session of the mailbox's holder."""
        with self.open_imap() as session:
            session.login(address, password)
            session.select("INBOX")
            yield session

    def open_imap(self) -> imaplib.IMAP4_SSL:
        """An IMAP session in which nobody has signed in yet."""
        session = imaplib.IMAP4_SSL(self.node, 993, ssl_context=_any_certificate(), timeout=WAIT)
        session._encoding = "utf-8"  # type: ignore[attr-defined]  # imaplib would send ASCII only
        return session

    def refused(self, address: str, password: str = PASSWORD) -> bool:
        """Whether the holder's sign-in is refused; slow on purpose."""
        try:
            with self.signed_in(address, password):
                return False
        except imaplib.IMAP4.error:
            return True

    def arrives(self, address: str, subject: str, *, reader: str | None = None) -> bool:
        """Whether a message sent to ``address`` is soon read by ``reader``."""
        self.send(address, subject)
        end = time.monotonic() + WAIT
        with self.signed_in(reader or address) as session:
            while time.monotonic() < end:
                session.noop()
                if session.search(None, "SUBJECT", subject)[1] != [b""]:
                    return True
                time.sleep(0.05)
        return False


@pytest.fixture(scope="module")
def fleet(running_panel: RunningPanel) -> Iterator[Fleet]:
    with closing(Api(running_panel.facts["panel_url"], running_panel.facts["api_token"])) as api:
        (member,) = api.get("/members?search=miasto-koscian")["items"]
        yield Fleet(running_panel, api, member["id"], running_panel.facts["nodes"][0]["ip"])


def test_a_mailbox_with_a_password_is_seen_by_a_message_and_works_at_once(fleet: Fleet) -> None:
    box = fleet.new("open", password=PASSWORD, quota_mb=100)
    assert (box["state"], box["seen_how"], box["login"], box["problem"]) == ("active", "message", "open", None)
    assert box["wanted_generation"] == box["applied_generation"] == 1
    assert "password" not in box
    assert fleet.arrives(box["address"], "one")


def test_the_probe_leaves_nothing_in_the_mailbox(fleet: Fleet) -> None:
    box = fleet.new("clean", password=PASSWORD)
    with fleet.signed_in(box["address"]) as session:
        assert session.select("INBOX")[1] == [b"0"]
        folders = b" ".join(line for line in session.list()[1] if isinstance(line, bytes))
    assert b"cis-probe" not in folders


def test_the_holder_sets_the_first_password_by_the_link(fleet: Fleet) -> None:
    box = fleet.new("waiting")
    assert (box["state"], box["login"]) == ("active", "waiting")
    assert fleet.rcpt(box["address"]) == 250
    assert fleet.refused(box["address"], "")
    assert fleet.refused(box["address"], "{CRYPT}!")
    link = box["activation"]["link"]
    assert "link" not in fleet.api.get(f"/mailboxes/{box['id']}")["activation"]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page = _open(browser, link)
    assert box["address"] in page
    assert box["address"] in _open(browser, link)
    _post_form(browser, link, page, password=PASSWORD)
    assert _settled(fleet, box)["login"] == "open"
    assert fleet.arrives(box["address"], "after-the-link")
    with pytest.raises(urllib.error.HTTPError) as gone:
        _post_form(browser, link, page, password="inne hasło 12345")
    gone.value.close()
    assert gone.value.code in (404, 410)


def test_a_sub_address_and_a_former_address_deliver(fleet: Fleet) -> None:
    box = fleet.new("old", password=PASSWORD)
    local, _, domain = box["address"].partition("@")
    assert fleet.arrives(f"{local}+sprawa@{domain}", "sub", reader=box["address"])
    renamed = fleet.act(box, "rename", address=f"new.{uuid.uuid4().hex[:8]}@{domain}")
    assert renamed["state"] == "active"
    assert fleet.arrives(box["address"], "by-the-alias", reader=renamed["address"])
    assert fleet.refused(box["address"])
    with pytest.raises(ApiFailed, match="409"):
        fleet.api.post("/mailboxes", {"member_id": fleet.member_id, "address": box["address"]})


def test_suspension_ends_live_sessions_and_resume_gives_everything_back(fleet: Fleet) -> None:
    box = fleet.new("suspended", password=PASSWORD)
    held = fleet.open_imap()
    held.login(box["address"], PASSWORD)
    held.select("INBOX")
    assert fleet.act(box, "suspend")["state"] == "suspended"
    with pytest.raises((imaplib.IMAP4.abort, OSError)):
        _stay(held, seconds=WAIT)
    with suppress(OSError):
        held.shutdown()
    assert fleet.refused(box["address"])
    fleet.send(box["address"], "while-suspended")
    assert fleet.act(box, "resume")["state"] == "active"
    assert fleet.arrives(box["address"], "after-resume")


def test_a_mailbox_handed_over_is_the_successors_alone_with_its_mail(fleet: Fleet) -> None:
    box = fleet.new("handed", password=PASSWORD)
    assert fleet.arrives(box["address"], "before")
    held = fleet.open_imap()
    held.login(box["address"], PASSWORD)
    held.select("INBOX")
    handed = fleet.act(box, "take-over", successor="Ewa Nowa", authority="Zarządzenie nr 12/2026")
    assert (handed["state"], handed["login"]) == ("active", "waiting")
    with pytest.raises((imaplib.IMAP4.abort, OSError)):
        _stay(held, seconds=WAIT)
    with suppress(OSError):
        held.shutdown()
    assert fleet.refused(box["address"])
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    link = handed["activation"]["link"]
    _post_form(browser, link, _open(browser, link), password="zupełnie inne hasło 8")
    assert _settled(fleet, box)["login"] == "open"
    with fleet.signed_in(box["address"], "zupełnie inne hasło 8") as session:
        assert session.search(None, "SUBJECT", "before")[1] != [b""]


def test_removed_mail_is_refused_and_comes_back_whole(fleet: Fleet) -> None:
    box = fleet.new("removed", password=PASSWORD)
    assert fleet.arrives(box["address"], "kept")
    removed = fleet.api.delete(f"/mailboxes/{box['id']}", wait=WAIT)
    assert removed["state"] == "removed"
    assert fleet.rcpt(box["address"]) == 550
    assert fleet.refused(box["address"])
    assert fleet.act(box, "restore")["state"] == "active"
    with fleet.signed_in(box["address"]) as session:
        assert session.search(None, "SUBJECT", "kept")[1] != [b""]


def test_a_wrong_password_is_still_slowed(fleet: Fleet) -> None:
    box = fleet.new("slow", password=PASSWORD)
    begun = time.monotonic()
    assert fleet.refused(box["address"], "wrong password 123")
    assert time.monotonic() - begun >= 2


def test_the_password_is_nowhere_but_in_the_holders_head(fleet: Fleet) -> None:
    secret = f"canary {uuid.uuid4().hex}"
    box = fleet.new("canary", password=secret)
    fleet.api.get(f"/events?resource_id={box['id']}")
    found = [
        path
        for folder in (fleet.panel.logs, fleet.panel.root / fleet.panel.data_dir)
        for path in _holding(folder, secret)
    ]
    assert found == []
    node = fleet.panel.lab.exec("mail1", ["grep", "-rlF", secret, "/var/log", "/var/lib/cis", "/etc"])
    assert node.stdout == b""


def test_every_statutory_address_takes_mail(fleet: Fleet) -> None:
    page = fleet.api.get("/mailboxes?page_size=200&search=powiat-")
    assert page["items"]
    assert {box["state"] for box in page["items"]} == {"active"}
    assert fleet.rcpt(page["items"][0]["address"]) == 250


def test_the_processes_of_the_panel_hold_no_rights(fleet: Fleet) -> None:
    for process in fleet.panel.processes.values():
        status = Path(f"/proc/{process.pid}/status").read_text()
        for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert re.search(rf"^{field}:\s+0+$", status, re.MULTILINE), f"{process.name}: {field}"
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
        user = pwd.getpwnam(processes.WORKER if process.name == "worker" else processes.USER)
        assert re.search(rf"^Uid:(\s+{user.pw_uid}){{4}}$", status, re.MULTILINE), process.name
        assert re.search(r"^Groups:\s*$", status, re.MULTILINE), process.name


def test_the_web_servers_user_reads_no_key_and_the_workers_no_session_secret(fleet: Fleet) -> None:
    keys = fleet.panel.root / fleet.panel.data_dir / "keys"
    shared = {"panel_ed25519.pub", "password_salt", "totp_secret"}
    later = {"imports", "links", "limits", "outside"}  # made at their first use, for both
    assert _opens(fleet, processes.USER) - later == shared | {"secret_key"}
    assert _opens(fleet, processes.WORKER) - later - {"anchor_ed25519.pem"} == shared | {"panel_ed25519"}
    assert keys.stat().st_mode & stat.S_ISVTX, "one could replace what is the other's"
    for process in fleet.panel.processes.values():
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"SECRET" not in environment


def _opens(fleet: Fleet, user: str) -> set[str]:
    """Names of the keys that a process of ``user``, started as the panel's are, can open."""
    program = """
import os, sys
for name in os.listdir(sys.argv[1]):
    try:
        open(os.path.join(sys.argv[1], name)).close()
        print(name)
    except PermissionError:
        pass
"""
    log = fleet.panel.logs / "opens.log"
    log.unlink(missing_ok=True)
    argv = ["/usr/bin/python3", "-c", program, str(fleet.panel.data_dir / "keys")]
    process = processes.start(argv, {}, log, "opens", root=fleet.panel.root, user=user)
    assert process.wait(WAIT) == 0, log.read_text()
    return set(log.read_text().split())


def _settled(fleet: Fleet, box: dict[str, Any]) -> dict[str, Any]:
    end = time.monotonic() + WAIT
    while (now := fleet.api.get(f"/mailboxes/{box['id']}"))["state"] in ("pending", "applying"):
        assert time.monotonic() < end, now
        time.sleep(0.1)
    return now


def _stay(session: imaplib.IMAP4, *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        session.noop()
        time.sleep(0.1)


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _open(browser: urllib.request.OpenerDirector, url: str, fields: dict[str, str] | None = None) -> str:
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    with browser.open(url, data, timeout=WAIT) as answer:
        text: str = answer.read().decode()
        return text


def _post_form(browser: urllib.request.OpenerDirector, url: str, page: str, *, password: str) -> str:
    fields = dict(re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', page))
    names = re.findall(r'<input[^>]*?type="password"[^>]*?>', page)
    for name in (re.search(r'name="([^"]+)"', tag) for tag in names):
        fields[name[1] if name else ""] = password
    return _open(browser, url, fields)


def contents_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """All files and what they hold; those that their owners take away meanwhile, as SQLite does, are none."""
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            with suppress(OSError):
                yield path, path.read_bytes()


def _holding(folder: Path, secret: str) -> list[Path]:
    return [path for path, content in contents_below(folder) if secret.encode() in content]
