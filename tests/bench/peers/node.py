"""The lab's mail node as peers find it: Postfix and Dovecot also read files that nobody but them writes.

The node's own configuration stays; a second mail domain comes from ``/etc/postfix/peers`` and ``/etc/dovecot/peers``.
What is done here is done once and not counted.
"""

from __future__ import annotations

import smtplib
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from passlib.hash import sha512_crypt

from provisioning.lab import Lab
from provisioning.ssh import scan_host_key
from tests.bench.api import imap_login

DOMAIN = "peers.test"
PASSWORD = "of the benches 7"
SECONDS = 60
PREPARE = rf"""
set -e
mkdir -p /etc/postfix/peers /etc/dovecot/peers /srv/mail/peers
chown vmail:vmail /srv/mail/peers
printf '{DOMAIN} here\n' >/etc/postfix/peers/domains
: >/etc/postfix/peers/mailboxes
postmap lmdb:/etc/postfix/peers/domains lmdb:/etc/postfix/peers/mailboxes
install --group dovecot --mode 0640 /dev/null /etc/dovecot/peers/users
cat >/etc/dovecot/peers/peers.conf <<'END'
passdb {{
  driver = passwd-file
  args = scheme=CRYPT username_format=%u /etc/dovecot/peers/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u /etc/dovecot/peers/users
  default_fields = home=/srv/mail/peers/%n
}}
END
printf '\n!include /etc/dovecot/peers/peers.conf\n' >>/etc/dovecot/dovecot.conf
for kind in domains:virtual_mailbox_domains mailboxes:virtual_mailbox_maps; do
    name=${{kind#*:}}
    postconf -e "$name = $(postconf -h $name), lmdb:/etc/postfix/peers/${{kind%:*}}"
done
postfix reload
doveadm reload
"""


@dataclass(frozen=True)
class PeerNode:
    """How peers reach the node: as root with the operator's key, its host key known."""

    address: str
    port: int
    key: Path
    known_hosts: Path


@dataclass(frozen=True)
class Account:
    """One mailbox as the recipes take it; its password was hashed before the clock starts."""

    address: str
    password_hash: str
    quota_mb: int = 100


def prepare(lab: Lab, folder: Path) -> PeerNode:
    """Let the node read the peers' files, and write down its host key in ``folder``."""
    state = lab.state()
    host = state.nodes["mail1"]
    done = lab.exec("mail1", ["sh", "-c", PREPARE], timeout=SECONDS)
    if done.returncode:
        raise RuntimeError(f"the node could not be prepared: {done.stderr.decode(errors='replace')}")
    known = folder / "known_hosts"
    found = scan_host_key(host.address, host.ssh_port)
    name = host.address if host.ssh_port == 22 else f"[{host.address}]:{host.ssh_port}"
    known.write_text(f"{name} {found.type} {found.base64}\n")
    return PeerNode(host.address, host.ssh_port, state.operator_key, known)


def accounts(count: int, *, first: int = 0) -> list[Account]:
    """Think of ``count`` mailboxes, the same each time."""
    return [Account(f"p{first + number}@{DOMAIN}", _HASH) for number in range(count)]


def assert_working(node: PeerNode, wanted: list[Account]) -> None:
    """Look from outside that all of them take mail and one signs in: what does not work was not quick."""
    with smtplib.SMTP(node.address, 25, local_hostname="bench.test", timeout=SECONDS) as client:
        client.ehlo()
        client.mail("bench@bench.test")
        for account in wanted:
            code, words = client.rcpt(account.address)
            if code != 250:
                raise RuntimeError(f"{account.address} does not take mail: {code} {words.decode(errors='replace')}")
            client.rset()
            client.mail("bench@bench.test")
    imap_login(wanted[-1].address, node=node.address, password=PASSWORD)


def clocked(argv: list[str], **options: object) -> float:
    """Run a peer's program to its end and return the seconds it took. Raises RuntimeError with its last words."""
    begun = time.perf_counter()
    done = subprocess.run(  # type: ignore[call-overload]  # options are subprocess.run's own
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=1800,
        **options,
    )  # fmt: skip
    took = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {done.stdout.decode(errors='replace')[-2000:]}")
    return took


_HASH = sha512_crypt.using(rounds=5000).hash(PASSWORD)
