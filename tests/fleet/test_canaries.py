"""Marked secrets go through every flow of a whole panel; afterwards they are nowhere but where they belong."""

from __future__ import annotations

import base64
import email
import http.client
import imaplib
import json
import re
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from email.policy import default
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from panel.api.operations import OPERATIONS
from panel.cli.running import RunningPanel
from provisioning.lab.processes import WORKER
from tests.bench.api import Api, ApiFailed
from tests.fleet.test_walk import contents_below
from tests.web.test_sign_in import code_now

WAIT, MAIL_SECONDS, LOOKS = 60, 90.0, 5
MEMBER = "miasto-koscian"
_SECRET_NAME = re.compile(r"passw|secret|token|totp|(?<!post)code$|link$|\bkey\b", re.IGNORECASE)
_KNOWN_FIELDS = {("POST", "/mailboxes", "password"), ("POST", "/mailboxes/batch", "mailboxes.password"),
                 ("PATCH", "/mailboxes/<uuid:id>", "password"),
                 ("POST", "/outside-providers", "client_secret"),
                 ("PATCH", "/outside-providers/<uuid:id>", "client_secret"),
                 ("PATCH", "/imports/<uuid:id>", "mapping.password"),
                 *(("POST", "/zones/import", f"axfr.key{of}")
                   for of in ("", ".name", ".algorithm", ".secret"))}  # fmt: skip
"""Fields of the API that take secrets, all of which the test below fills in; the last is the name of a column."""


def test_secrets_are_found_nowhere_after_all_flows(running_panel: RunningPanel) -> None:
    flows = Flows(running_panel)
    with flows.watched_processes() as seen, closing(flows.api):
        flows.use_mailboxes()
        flows.use_tokens()
        flows.use_commands()
        flows.use_imports_and_webhooks()
        flows.use_outside_providers()
        flows.sign_in_wrongly_and_rightly()
        flows.change_email()
        flows.reset_and_invite()
        flows.back_up()
        texts = flows.what_is_shown()
    assert len(flows.secrets) > 20, "the flows did what they should"
    found = [*flows.on_disk(), *flows.on_the_node()]
    found += [(name, page) for page, text in texts.items() for name in flows.named_in(text)]
    found += [(name, "argv") for name in flows.named_in(b"\0".join(seen))]
    flows.clear_up()
    assert found == []
    assert flows.named_in(flows.secrets["reset link"].encode()) == ["reset link"], "the search finds what it should"


def test_every_field_of_the_api_that_is_named_like_a_secret_is_filled_in_above() -> None:
    named = {
        (operation.method, operation.path, name)
        for operation in OPERATIONS
        if operation.body is not None
        for name in _field_names(operation.body.fields)
        if _SECRET_NAME.search(name)
    }
    assert named == _KNOWN_FIELDS


class Flows:
    """People and programs who use a panel, with secrets that are known to nobody else."""

    def __init__(self, panel: RunningPanel) -> None:
        self.panel = panel
        self.url: str = panel.facts["panel_url"]
        self.api = Api(self.url, panel.facts["api_token"])
        self.node: str = panel.facts["nodes"][0]["ip"]
        self.secrets: dict[str, str] = {
            "administrator's password": panel.facts["admin_password"],
            "administrator's TOTP secret": panel.facts["admin_totp"],
            "administrator's token": panel.facts["api_token"],
        }
        (member,) = self.api.get(f"/members?search={MEMBER}")["items"]
        self.member_id: str = member["id"]

    def new(self, name: str) -> str:
        """A secret of this test."""
        self.secrets[name] = f"Canary-{uuid.uuid4().hex}-{len(self.secrets)}"
        return self.secrets[name]

    def use_mailboxes(self) -> None:
        """Passwords at making, at changing and in a batch; a link that is opened, and used."""
        made = self._mailbox(password=self.new("first password of a mailbox"))
        other = {"password": self.new("second password of a mailbox")}
        self.api._ask("PATCH", f"/mailboxes/{made['id']}", other, {"Prefer": f"wait={WAIT}"})
        rows = [{"member_id": self.member_id, "address": _address(), "password": self.new("password in a batch")}]
        self.api.post("/mailboxes/batch", {"mailboxes": rows}, wait=WAIT)
        with suppress(ApiFailed):
            refused = {"member_id": self.member_id, "address": "no address", "password": self.new("refused password")}
            self.api.post("/mailboxes", refused)
        waiting = self._mailbox()
        link = waiting["activation"]["link"]
        self.secrets["activation link"] = link.rpartition("/")[2]
        self._set_password(_browser(), link, self.new("password by the activation link"))
        with self._imap() as session, suppress(imaplib.IMAP4.error):
            session.login(made["address"], self.new("wrong password over IMAP"))

    def use_tokens(self) -> None:
        """A token that is made, used and revoked, and one that nobody made."""
        made = self.api.post("/tokens", {"role": "auditor", "name": "canary", "expires_in_days": 1})
        self.secrets["new token"] = made["token"]
        with closing(Api(self.url, made["token"])) as other:
            other.get("/members")
        self.api.delete(f"/tokens/{made['id']}")
        with closing(Api(self.url, "cis_" + self.new("token of nobody"))) as nobody, suppress(ApiFailed):
            nobody.get("/members")

    def use_commands(self) -> None:
        """Secrets on standard input, as the command line takes them."""
        self.address = _address()
        self.mail_password = self.new("password on standard input")
        command = ["mailboxes", "create", self.address, "--member", MEMBER, "--password-stdin", "--wait", "60"]
        self._cis(*command, stdin=self.mail_password)
        password = self.new("password of a user on standard input")
        command = ["users", "create", self.address, "--role", "member_admin", "--member", MEMBER, "--password-stdin"]
        printed = self._cis(*command, "--totp", "--json", stdin=password)
        self.secrets["new user's TOTP secret"] = json.loads(printed)["totp"]

    def use_imports_and_webhooks(self) -> None:
        """A table with a column of passwords, carried out in part; what signs events, at making."""
        rows = [
            f"{_address()};{self.new('password in a table')};100",
            f"no address;{self.new('password in a row that is refused')};100",
        ]
        table = "\n".join(["adres;hasło;pojemność MB", *rows])
        one = self._upload("/api/v1/imports", {"kind": "mailboxes", "member_id": self.member_id}, table)
        self.api.post(f"/imports/{one['id']}/commit", {"only_good": True})
        self._await(lambda: self.api.get(f"/imports/{one['id']}")["state"] == "done")
        hook = self.api.post("/webhooks", {"url": "https://hooks.example.com/canary", "member_id": self.member_id})
        self.secrets["webhook's secret"] = hook["secret"]
        self.api.delete(f"/webhooks/{hook['id']}")
        key = {"name": "kanarek", "secret": base64.b64encode(self.new("TSIG secret").encode()).decode()}
        self.secrets["TSIG secret as typed"] = key["secret"]
        with suppress(ApiFailed):
            self.api.post("/zones/import", {"name": "kanarek.example", "axfr": {"server": self.node, "key": key}})

    def use_outside_providers(self) -> None:
        """The client's secret of a provider, given, changed, and used against what does not answer."""
        asked = {"name": "Kanarek", "issuer": "https://id.canary.invalid", "client_id": "cis"}
        asked |= {"client_secret": self.new("client secret of a provider")}
        made = f"/outside-providers/{self.api.post('/outside-providers', asked)['id']}"
        self.api._ask("PATCH", made, {"client_secret": self.new("changed client secret")}, {})
        with suppress(ApiFailed):
            self.api.post(f"{made}/try", {})
        self.api.delete(made)

    def change_email(self) -> None:
        """Another address to sign in by: the link that confirms it is used, the one that undoes it is opened only."""
        other = self._mailbox(password=self.new("password of the other mailbox"))
        form, password = f"{self.url}/account/email", self.secrets["password of the other mailbox"]
        asked = {"email": other["address"], "password": self.secrets["password of a user on standard input"]}
        _send(self.browser, form, _open(self.browser, form), **asked)
        link = self._link("/email/", other["address"], password)
        self.secrets["link that confirms an e-mail"] = link.rpartition("/")[2]
        _send(self.browser, link, _open(self.browser, link))
        undo = self._link("/email/undo/", self.address, self.mail_password)
        self.secrets["link that undoes an e-mail"] = undo.rpartition("/")[2]
        _open(_browser(), undo)
        self.address, self.mail_password = other["address"], password

    def sign_in_wrongly_and_rightly(self) -> None:
        """By a wrong password, then by the right one and a code, a passkey asked for; another factor is offered."""
        for password in (self.new("wrong password at the panel"), self.secrets["password of a user on standard input"]):
            self.browser = _browser()
            page = _open(self.browser, f"{self.url}/login")
            page = _send(self.browser, f"{self.url}/login", page, email=self.address, password=password)
        options = json.loads(_send(self.browser, f"{self.url}/login/passkey/options", page))
        self.secrets["passkey's challenge"] = options["challenge"]
        code = code_now(self.secrets["new user's TOTP secret"])
        _send(self.browser, f"{self.url}/login/code", page, code=code)
        shown = _open(self.browser, f"{self.url}/account/second-factor")
        secret = shown.split('class="secret"')[1].split(">", 1)[1].split("<", 1)[0]
        self.secrets["offered TOTP secret"] = re.sub(r"[^A-Z2-7]", "", secret)

    def reset_and_invite(self) -> None:
        """Links that come by mail, are opened, and used."""
        invited, mail_password = _address(), self.new("password of the invited one's mailbox")
        self.api.post(
            "/mailboxes", {"member_id": self.member_id, "address": invited, "password": mail_password}, wait=WAIT
        )
        form = f"{self.url}/invitations/new"
        words = {"email": invited, "role": "member_editor", "member_id": MEMBER, "language": "pl", "name": ""}
        _send(self.browser, form, _open(self.browser, form), **words)
        link = self._link("/invitations/", invited, mail_password)
        self.secrets["invitation link"] = link.rpartition("/")[2]
        self._set_password(_browser(), link, self.new("password by the invitation"), name="Jan Zaproszony")
        assert invited in self._cis("users", "list", "--json", "--page-size", "200")
        browser = _browser()
        page = _open(browser, f"{self.url}/reset")
        _send(browser, f"{self.url}/reset", page, email=self.address)
        link = self._link("/reset/", self.address, self.mail_password)
        self.secrets["reset link"] = link.rpartition("/")[2]
        self._set_password(browser, link, self.new("password by the reset link"))

    def back_up(self) -> None:
        """A sealed backup, whose file no secret can be read from."""
        place = self.panel.logs / "canaries"
        place.mkdir(exist_ok=True)
        shutil.chown(place, WORKER)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.panel.logs / "canary_key")]
        (self.panel.logs / "canary_key").unlink(missing_ok=True)
        subprocess.run(argv, check=True, timeout=20, stdin=subprocess.DEVNULL)
        public = (self.panel.logs / "canary_key.pub").read_text().strip()
        self._cis("backup", "--to", str(place), "--recipient", public)
        assert any(path.stat().st_size > 10_000 for path in place.iterdir())

    def clear_up(self) -> None:
        """Remove the backup and its key."""
        shutil.rmtree(self.panel.logs / "canaries")
        for path in self.panel.logs.glob("canary_key*"):
            path.unlink()

    def what_is_shown(self) -> dict[str, bytes]:
        """What the panel itself tells, page by page."""
        pages = {path: json.dumps(self.api.get(path)).encode() for path in ("/events?page_size=200", "/jobs", "/users")
                 if path != "/users"}  # fmt: skip
        pages["metrics"] = _open(_browser(), f"{self.url}/metrics").encode()
        pages["export"] = self._cis("audit", "export").encode()
        pages["messages"] = self._cis("notices", "list", "--json", "--page-size", "200").encode()
        return pages

    def named_in(self, text: bytes) -> list[str]:
        """The secrets that stand in a text, in any spelling."""
        return [name for name, secret in self.secrets.items() if any(one in text for one in _spellings(secret))]

    def on_disk(self) -> Iterator[tuple[str, str]]:
        """Files of the panel that hold secrets, but for its keys."""
        for folder in (self.panel.logs, self.panel.root / self.panel.data_dir):
            for path, content in contents_below(folder):
                if path.parent.name != "keys":
                    yield from ((name, str(path)) for name in self.named_in(content))

    def on_the_node(self) -> Iterator[tuple[str, str]]:
        """Files of the node that hold secrets, but for the mail itself."""
        patterns = b"\n".join(spelling for secret in self.secrets.values() for spelling in _spellings(secret))
        argv = ["grep", "-raoF", "-f", "-", "/etc", "/var/log", "/var/lib", "/run", "/home", "/root"]
        for line in self.panel.lab.exec("mail1", argv, stdin=patterns).stdout.splitlines():
            yield from ((name, line.partition(b":")[0].decode()) for name in self.named_in(line))

    @contextmanager
    def watched_processes(self) -> Iterator[set[bytes]]:
        """The command lines of all processes of this machine, looked at while they are young."""
        seen: set[bytes] = set()
        looks: Counter[str] = Counter()
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.05):
                for process in Path("/proc").glob("[0-9]*"):
                    looks[process.name] += 1
                    if looks[process.name] <= LOOKS:
                        with suppress(OSError):
                            seen.add((process / "cmdline").read_bytes())

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        yield seen
        stop.set()
        thread.join()

    def _mailbox(self, **fields: str) -> dict[str, Any]:
        return self.api.post("/mailboxes", {"member_id": self.member_id, "address": _address(), **fields}, wait=WAIT)

    def _upload(self, path: str, fields: dict[str, str], table: str) -> dict[str, Any]:
        """Send a file as a form with the token."""
        mark = uuid.uuid4().hex
        parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                 for name, value in fields.items()]  # fmt: skip
        parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n{table}\r\n')
        headers = {"Authorization": f"Bearer {self.panel.facts['api_token']}",
                   "Content-Type": f"multipart/form-data; boundary={mark}"}  # fmt: skip
        body = "".join([*parts, f"--{mark}--\r\n"]).encode()
        with closing(http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=60)) as connection:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()
            return dict(json.load(answer))

    def _await(self, what: Callable[[], bool]) -> None:
        end = time.monotonic() + MAIL_SECONDS
        while not what():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.05)

    def _cis(self, *arguments: str, stdin: str = "") -> str:
        """Run a command as root, who becomes the worker's user by itself."""
        argv = [str(self.panel.root / ".venv/bin/python"), "-m", "panel.cli", *arguments]
        environment = self.panel.environment() | {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        done = subprocess.run(argv, input=f"{stdin}\n", capture_output=True, text=True, timeout=120, check=False,
                              cwd=self.panel.root, env=environment)  # fmt: skip
        assert done.returncode == 0, (arguments[:2], done.stderr[-800:])
        return done.stdout

    def _set_password(self, browser: urllib.request.OpenerDirector, link: str, password: str, **others: str) -> None:
        page = _open(browser, link)
        names = re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?type="password"|'
                           r'<input[^>]*?type="password"[^>]*?name="([^"]+)"', page)  # fmt: skip
        _send(browser, link, page, **{first or second: password for first, second in names}, **others)

    def _link(self, part: str, address: str, password: str) -> str:
        """The link in the newest message of a mailbox."""
        end = time.monotonic() + MAIL_SECONDS
        with self._imap() as session:
            session.login(address, password)
            while time.monotonic() < end:
                session.select("INBOX")
                for number in reversed(session.search(None, "ALL")[1][0].split()):
                    answer = session.fetch(number.decode(), "(BODY.PEEK[])")[1][0]
                    assert isinstance(answer, tuple)
                    text = email.message_from_bytes(answer[1], policy=default).get_content()
                    found = [word for word in text.split() if part in word]
                    if found:
                        return str(found[0])
                time.sleep(0.3)
        raise AssertionError(f"no message with {part}")

    def _imap(self) -> imaplib.IMAP4_SSL:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return imaplib.IMAP4_SSL(self.node, 993, ssl_context=context, timeout=30)


def _spellings(secret: str) -> list[bytes]:
    """A secret as it is, in an address, and in base64 wherever it may begin in it."""
    raw = secret.encode()
    inside = [base64.b64encode(b"\0" * shift + raw)[4:-4] for shift in range(3)]
    return [raw, urllib.parse.quote(secret).encode(), *inside]


def _address() -> str:
    return f"canary.{uuid.uuid4().hex[:10]}@info.wokiss.pl"


def _field_names(fields: Any, before: str = "") -> Iterator[str]:
    """Names of fields, those within fields with dots."""
    for name, field in fields.items():
        yield before + name
        inner = getattr(getattr(field, "of", field), "fields", None)
        if inner is not None:
            yield from _field_names(inner, f"{before}{name}.")


def _browser() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def _open(browser: urllib.request.OpenerDirector, url: str, fields: dict[str, str] | None = None) -> str:
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    try:
        with browser.open(url, data, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def _send(browser: urllib.request.OpenerDirector, url: str, page: str, **values: str) -> str:
    fields = dict(re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', page))
    return _open(browser, url, fields | values)
