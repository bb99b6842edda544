"""Probes against servers that behave badly; well-behaved ones stand in `tests/contract`."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provisioning.probes import smtp
from provisioning.probes.findings import Finding, NotSeen, Seen
from provisioning.probes.mail import SHARED_BY, SHARED_LEAST, MailProbe, MailTarget
from provisioning.probes.secrets import Master, new_master, new_token, watch_of

HOST = "mail1.probe.test"
TOKEN = "token-token-token"
BUSY_SECONDS = 30.0
"""What anything may take where much else runs on the machine."""
Script = Callable[[socket.socket], None]


@pytest.mark.parametrize(
    ("greeting", "code"),
    [
        (b"421 4.3.2 too many connections\r\n", "deferred"),
        (b"554 5.7.1 go away\r\n", "refused"),
        (b"HTTP/1.1 400 Bad Request\r\n", "protocol"),
        (b"220-never\r\n" * 30_000, "unreachable"),
        (b"", "unreachable"),
    ],
)
def test_a_bad_greeting_is_a_finding(serve: Serve, greeting: bytes, code: str) -> None:
    found = look(serve(lambda link: link.sendall(greeting)))
    assert isinstance(found, NotSeen)
    assert found.code == code


def test_a_closed_port_is_unreachable(certificate: Certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = look(MailTarget("127.0.0.1", HOST, certificate.pem, port, port))
    assert isinstance(found, NotSeen)
    assert found.code == "unreachable"


def test_a_silent_server_costs_the_time_allowed_and_no_more(serve: Serve) -> None:
    done = threading.Event()
    target = serve(lambda _link: ignore(done.wait(BUSY_SECONDS)))
    started = time.monotonic()
    found = look(target, timeout=0.3)
    assert time.monotonic() - started < BUSY_SECONDS
    done.set()
    assert isinstance(found, NotSeen)
    assert (found.code, found.message) == ("unreachable", "no answer in time")


def test_a_server_that_drips_does_not_stretch_the_time(serve: Serve) -> None:
    def drip(link: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for _ in range(int(BUSY_SECONDS / 0.05)):
                link.sendall(b"2")
                time.sleep(0.05)

    started = time.monotonic()
    assert isinstance(look(serve(drip), timeout=0.3), NotSeen)
    assert time.monotonic() - started < BUSY_SECONDS


def test_what_follows_starttls_in_clear_is_not_believed(serve: Serve, certificate: Certificate) -> None:
    """Replies injected before the handshake would be taken for the node's own (RFC 3207 4.2, CVE-2011-0411)."""

    def inject(link: socket.socket) -> None:
        clear_until_starttls(link, after=b"250 injected\r\n250 injected\r\n")
        with certificate.server(link) as tls:
            tls.recv(4096)
            tls.sendall(b"451 4.3.0 the real reply\r\n")
            tls.recv(4096)

    found = look(serve(inject))
    assert isinstance(found, NotSeen)
    assert found.code in {"deferred", "tls"}


def test_no_starttls_is_no_success(serve: Serve) -> None:
    def refuse(link: socket.socket) -> None:
        link.sendall(b"220 x\r\n")
        link.recv(4096)
        link.sendall(b"250 x\r\n")
        link.recv(4096)
        link.sendall(b"502 5.5.1 no such command\r\n")

    found = look(serve(refuse))
    assert isinstance(found, NotSeen)
    assert found.code == "refused"


def test_a_certificate_for_another_name_is_not_trusted(serve: Serve) -> None:
    target = serve(clear_until_starttls)
    found = look(MailTarget(target.node_address, "other.probe.test", target.certificate_pem, target.smtp_port))
    assert isinstance(found, NotSeen)
    assert found.code == "tls"


@pytest.mark.parametrize(("seconds", "then"), [(60.0, Seen), (0.0, NotSeen)])
def test_a_connection_that_grew_old_is_asked_nothing(
    serve: Serve, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, seconds: float, then: type
) -> None:
    """Postfix lets a process that began before a reload end its session by the rules of then."""

    def take(link: socket.socket) -> None:
        clear_until_starttls(link)
        with certificate.server(link) as tls:
            while asked := tls.recv(4096).count(b"\n"):
                tls.sendall(b"250 yes\r\n" * asked)

    monkeypatch.setattr(smtp, "WARM_SECONDS", seconds)
    probe = MailProbe(serve(take))
    try:
        for expected in (Seen, then):
            assert isinstance(probe.see_recipients(["jan@probe.test"])["jan@probe.test"], expected)
    finally:
        probe.close()


def test_many_addresses_are_shared_by_some_connections(serve: Serve, certificate: Certificate) -> None:
    heard: list[set[bytes]] = []

    def take(link: socket.socket) -> None:
        clear_until_starttls(link)
        mine: set[bytes] = set()
        heard.append(mine)
        with certificate.server(link) as tls, tls.makefile("rb") as lines:
            for line in lines:
                bad = b"bad" in line
                mine |= {line[9:-3]} if line.startswith(b"RCPT") else set()
                tls.sendall(b"550 no\r\n" if bad else b"250 yes\r\n")

    asked = [f"jan{number}@probe.test" for number in range(SHARED_LEAST)] + ["bad@probe.test"]
    probe = MailProbe(serve(take, clients=SHARED_BY))
    try:
        found = probe.see_recipients(asked)
    finally:
        probe.close()
    assert {address for address, finding in found.items() if isinstance(finding, NotSeen)} == {"bad@probe.test"}
    assert sorted(address.encode() for address in asked) == sorted(set().union(*heard))
    assert len(heard) == SHARED_BY
    assert max(map(len, heard)) - min(map(len, heard)) <= 1


@pytest.mark.parametrize(("bad", "expected"), [(1, Seen), (3, Seen), (99, NotSeen)])
def test_a_folder_that_is_just_being_made_is_opened_a_moment_later(
    serve: Serve, certificate: Certificate, bad: int, expected: type[Finding]
) -> None:
    def open_late(link: socket.socket) -> None:
        with certificate.server(link) as tls:
            tls.sendall(b"* OK ready\r\n")
            tls.recv(4096)
            tls.sendall(b"c1 OK signed in\r\n")
            for number in range(2, 99):
                if not tls.recv(4096):
                    return
                reply = "NO [SERVERBUG] Internal error" if number < 2 + bad else "OK"
                tls.sendall(f"c{number} {reply}\r\n".encode())

    probe = MailProbe(serve(open_late))
    finding = probe.see_login("jan@probe.test", master_secret="x", timeout=BUSY_SECONDS)
    assert isinstance(finding, expected)
    assert isinstance(finding, Seen) or "SERVERBUG" in finding.message


def test_secrets_do_not_show() -> None:
    master = new_master("10.0.0.1/32")
    assert master.secret not in repr(master)
    assert master.secret not in repr(master.to_wire())


def test_a_watch_has_its_form() -> None:
    master = Master(network="10.0.0.1/32", seconds=60, secret="x")
    assert watch_of(master, {"id": "token"}) == {
        "tokens": [{"mailbox_id": "id", "token": "token"}],
        "master": {
            "digest": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            "network": "10.0.0.1/32",
            "seconds": 60,
        },
    }
    assert watch_of(None, {}) == {"tokens": []}
    assert new_token() != new_token()


def ignore(_value: object) -> None:
    """A script's last step returns nothing."""


def look(target: MailTarget, timeout: float = BUSY_SECONDS) -> Finding:
    probe = MailProbe(target)
    try:
        return probe.see_message("jan@probe.test", token=TOKEN, master_secret="x", timeout=timeout)
    finally:
        probe.close()


def clear_until_starttls(link: socket.socket, after: bytes = b"") -> None:
    link.sendall(b"220 x\r\n")
    link.recv(4096)
    link.sendall(b"250 x\r\n")
    link.recv(4096)
    link.sendall(b"220 go ahead\r\n" + after)


class Certificate:
    """A certificate of its own issuer, as the set-up of a node makes it."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        self.pem = certificate.public_bytes(pem).decode()
        (folder / "cert.pem").write_text(self.pem)
        (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    def server(self, link: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(link, server_side=True)


class Serve:
    """Starts servers that follow a script with their first clients, each in a thread of its own."""

    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate
        self._threads: list[threading.Thread] = []

    def __call__(self, script: Script, *, clients: int = 1) -> MailTarget:
        server = socket.create_server(("127.0.0.1", 0))
        port = server.getsockname()[1]
        for _ in range(clients):
            thread = threading.Thread(target=self._follow, args=(server.dup(), script))
            thread.start()
            self._threads.append(thread)
        server.close()
        return MailTarget("127.0.0.1", HOST, self._certificate.pem, port, port)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _follow(self, server: socket.socket, script: Script) -> None:
        with server:
            link, _ = server.accept()
        with link, contextlib.suppress(OSError):
            script(link)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def serve(certificate: Certificate) -> Iterator[Serve]:
    serve = Serve(certificate)
    yield serve
    serve.join()
