"""Is this mailbox alive: a message in by SMTP, out by IMAPS; or, in bulk, would mail be taken."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from provisioning.probes.findings import Finding, NotSeen, Seen
from provisioning.probes.imap import PROBE_FOLDER, PROBE_USER, ImapSession
from provisioning.probes.lines import Deadline, PinnedTls, ProbeError
from provisioning.probes.smtp import Reply, SmtpProbe

GRACE_SECONDS = 2.0
SHARED_LEAST, SHARED_BY = 200, 4
"""From how many addresses on so many connections share them: most of the time of one is waiting for the answers."""


@dataclass(frozen=True, slots=True)
class MailTarget:
    """A mail node as it is reached from outside. ``certificate_pem`` is the one certificate it may show."""

    node_address: str
    hostname: str
    certificate_pem: str
    smtp_port: int = 25
    imaps_port: int = 993


class MailProbe:
    """A client of one mail node that keeps its SMTP connections warm. Not thread-safe: one per worker thread.

    But for this: single mailboxes may be looked at (``see_message``, ``see_again``) while many addresses are asked for.
    """

    def __init__(self, target: MailTarget) -> None:
        self._target = target
        self._tls = PinnedTls(target.hostname, target.certificate_pem)
        self._single, *self._many = (
            SmtpProbe(target.node_address, self._tls, port=target.smtp_port) for _ in range(1 + SHARED_BY)
        )

    def see_message(self, address: str, *, token: str, master_secret: str, timeout: float = 10.0) -> Finding:
        """Send one message to the mailbox and read it back; the deepest look.

        ``token`` must have reached the node (``watch``) together with the digest of ``master_secret``. The message is
        removed again. The login begins when the node has taken the message, since an unknown mailbox would answer a
        login only after the delay meant for wrong passwords.
        """
        until = Deadline(timeout)
        try:
            reply = self._single.send(address, token, timeout=timeout)
            if not reply.accepted:
                return _not_taken(reply)
            # A little longer than the message is waited for: what is slow is then told apart from what is lost.
            session = self._sign_in(address, master_secret, Deadline(until.left() + GRACE_SECONDS))
            try:
                session.select(PROBE_FOLDER)
                session.take(token, until)
            finally:
                session.close()
        except ProbeError as error:
            return error.finding()
        return Seen("message")

    def see_login(self, address: str, *, master_secret: str, timeout: float = 10.0) -> Finding:
        """Sign in by the probe's login and open its folder: the mailbox exists and its store works."""
        try:
            session = self._sign_in(address, master_secret, Deadline(timeout))
            try:
                session.select(PROBE_FOLDER)
            finally:
                session.close()
        except ProbeError as error:
            return error.finding()
        return Seen("login")

    def see_again(self, address: str, *, master_secret: str, timeout: float = 10.0) -> Finding:
        """Ask whether mail would be taken, then sign in: a mailbox that got a message before needs no other."""
        taken = _see_recipients(self._single, [address], timeout)[address]
        if isinstance(taken, NotSeen):
            return taken
        return self.see_login(address, master_secret=master_secret, timeout=timeout)

    def see_recipients(self, addresses: Iterable[str], *, timeout: float = 30.0) -> dict[str, Finding]:
        """Ask for many addresses at once whether mail to them would be taken. Cheap: below 1 ms each."""
        asked = list(addresses)
        if len(asked) < SHARED_LEAST:
            return _see_recipients(self._many[0], asked, timeout)
        findings: dict[str, Finding] = {}
        with ThreadPoolExecutor(max_workers=SHARED_BY) as beside:
            shares = [asked[place::SHARED_BY] for place in range(SHARED_BY)]
            for found in beside.map(_see_recipients, self._many, shares, repeat(timeout)):
                findings |= found
        return findings

    def see_absence(self, addresses: Iterable[str], *, timeout: float = 30.0) -> dict[str, bool]:
        """Tell for each address whether the node refuses mail to it for good (5xx). Raises ProbeError."""
        replies = self._many[0].check_recipients(addresses, timeout=timeout, present=False)
        return {address: 500 <= reply.code < 600 for address, reply in replies.items()}

    def see_domains(self, names: Iterable[str], *, timeout: float = 30.0) -> dict[str, Finding]:
        """Ask whether the node is responsible for each domain.

        If so it says of a made-up address there that the mailbox is unknown (550), else that it does not relay
        (554; RFC 5321 4.2.2, 3.6.2).
        """
        made_up = {f"{secrets.token_hex(12)}@{name}": name for name in names}
        try:
            replies = self._many[0].check_recipients(made_up, timeout=timeout, present=False)
        except ProbeError as error:
            return dict.fromkeys(made_up.values(), error.finding())
        return {
            made_up[address]: Seen("rcpt") if reply.code in (250, 550) else _not_taken(reply)
            for address, reply in replies.items()
        }

    def see_ports(self, *, timeout: float = 3.0) -> Finding:
        """Ask whether the node answers newcomers at all, where mail comes in and where it is read."""
        deadline = Deadline(timeout)
        try:
            self._many[0].knock(deadline)
            ImapSession(self._target.node_address, self._tls, deadline, port=self._target.imaps_port).close()
        except ProbeError as error:
            return error.finding()
        return Seen("rcpt")

    def close(self) -> None:
        """Let go of the warm connections."""
        for one in (self._single, *self._many):
            one.close()

    def _sign_in(self, address: str, master_secret: str, deadline: Deadline) -> ImapSession:
        session = ImapSession(self._target.node_address, self._tls, deadline, port=self._target.imaps_port)
        try:
            session.sign_in(PROBE_USER, master_secret, on_behalf_of=address)
        except ProbeError:
            session.close()
            raise
        return session


def _see_recipients(smtp: SmtpProbe, asked: Sequence[str], timeout: float) -> dict[str, Finding]:
    try:
        replies = smtp.check_recipients(asked, timeout=timeout)
    except ProbeError as error:
        return dict.fromkeys(asked, error.finding())
    return {address: Seen("rcpt") if reply.accepted else _not_taken(reply) for address, reply in replies.items()}


def _not_taken(reply: Reply) -> NotSeen:
    return NotSeen("deferred" if reply.later else "refused", f"{reply.code} {reply.text}")
