"""Looks at nodes that do not answer; what is seen of those that do stands in `tests/contract` and `tests/faults`."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from panel.kernel.access import SYSTEM
from panel.kernel.db import db, utcnow
from panel.mail import desired, looking
from panel.mail.actions import create_mailbox, rename_mailbox
from panel.mail.looking import MailLook
from panel.mail.models import Alias
from panel.mail.models import Mailbox as MailboxRow
from panel.mail.statutory import ensure_statutory_addresses
from panel.members.grading import set_grade
from provisioning.probes.findings import Finding, NotSeen, Seen
from provisioning.probes.mail import MailProbe, MailTarget
from provisioning.resources import Mailbox
from tests.worlds import SHARED, World


def test_on_a_silent_node_nobody_waits_for_each_mailbox(silent: Silent, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = _certificate()
    monkeypatch.setattr(looking, "ONE_SECONDS", 0.3)
    monkeypatch.setattr(looking, "PORTS_SECONDS", 0.2)
    rows = [_row(n) for n in range(20)]
    probe = MailProbe(MailTarget("127.0.0.1", "mail1.test", pem, silent.port, silent.port))
    findings = MailLook(probe, "127.0.0.1", rows, len(rows)).see(rows)
    assert set(findings) == {one.key for one in rows}
    assert all(isinstance(found, NotSeen) and found.code == "unreachable" for found in findings.values())
    assert silent.clients == 2, "the first mailbox, and the ports by themselves"


def test_what_is_closed_is_seen_refusing_and_so_are_its_aliases(world: World) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"miasto-koscian.sekretariat@{SHARED}").mailbox
    other = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"miasto-koscian.biuro@{SHARED}").mailbox
    rename_mailbox(SYSTEM, box.id, address=f"rada.miasto-koscian@{SHARED}")
    ensure_statutory_addresses(SYSTEM)
    set_grade(SYSTEM, world.koscian.id, grade="closed", reason="Zaległości")
    boxes = [_wanted("mailbox", row, desired.mailbox_item(row)) for row in _all(MailboxRow)]
    aliases = [_wanted("alias", row, desired.alias_item(row)) for row in _all(Alias)]
    served = [f"miasto-koscian@{SHARED}", f"smigiel@{SHARED}"]
    graded = {one.item.address: one.item.grade for one in boxes}
    assert graded == {f"rada.miasto-koscian@{SHARED}": "closed", other.address: "closed", **dict.fromkeys(served, "")}
    rows = [*boxes, *aliases]

    refusing = MailLook(Answering(*served), "127.0.0.1", rows, 20)
    assert len((refusing.watch or {})["tokens"]) == 2
    found = refusing.see(rows)
    assert {key: getattr(finding, "how", "") for key, finding in found.items()} == {
        one.key: "message" if one.item.address in served else "closed" for one in rows
    }
    taking = MailLook(Answering(*graded, aliases[0].item.address), "127.0.0.1", rows, 20).see(rows)
    assert [type(taking[one.key]) for one in aliases] == [NotSeen]


class Answering(MailProbe):
    """A probe of a node that takes mail for ``taken`` only."""

    def __init__(self, *taken: str) -> None:
        super().__init__(MailTarget("192.0.2.1", "mail1.test", _certificate()))
        self.taken = taken

    def see_message(self, address: str, **_more: Any) -> Finding:
        """Take mail or not."""
        return Seen("message") if address in self.taken else NotSeen("refused", "550")

    def see_absence(self, addresses: Iterable[str], **_more: Any) -> dict[str, bool]:
        """Refuse mail or not."""
        return {address: address not in self.taken for address in addresses}


def _all(model: Any) -> Any:
    return db.session.scalars(select(model)).unique()


def _wanted(kind: str, row: Any, item: Any) -> Any:
    return SimpleNamespace(key=(kind, item.id), item=item, row=row)


def _certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail1.test")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    day = timedelta(days=1)
    made = made.not_valid_before(utcnow() - day).not_valid_after(utcnow() + day)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _row(number: int) -> Any:
    item = Mailbox(id=str(uuid.uuid4()), generation=1, address=f"u{number}@a.test", login="waiting",
                   password_hash=None, quota_mb=100)  # fmt: skip
    return SimpleNamespace(key=("mailbox", item.id), item=item, row=SimpleNamespace(want="put", seen_generation=0))


class Silent:
    """A server that takes every client and says nothing."""

    def __init__(self) -> None:
        self.clients = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let everybody go."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()
        for client in self._held:
            client.close()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                self._held.append(self._server.accept()[0])
                self.clients += 1


@pytest.fixture
def silent() -> Iterator[Silent]:
    silent = Silent()
    yield silent
    silent.close()
