"""The relay by which alarms leave: an SMTP server that is none of our nodes, for one of them may be what is broken."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import select

from config import Settings
from panel.kernel.db import db
from panel.kernel.mail_server import MailFailed, MailServer
from panel.ledger.nodes import Node


class RelayFailed(Exception):
    """The message did not leave. ``code``: ``unset``, ``bad_setting``, ``own_node``, ``own_domain`` or ``smtp``."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(words or code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Relay:
    """Where alarms go and as whom. ``is_ours``: whether mail for a domain ends on one of our nodes."""

    url: str
    sender: str
    recipients: Sequence[str]
    credentials: Path
    is_ours: Callable[[str], bool]

    @property
    def is_set(self) -> bool:
        """Whether anybody set one."""
        return bool(self.url and self.recipients)

    def send(self, subject: str, text: str) -> None:
        """Hand one message over. Raises RelayFailed; what the server answered is in its words."""
        if not self.is_set:
            raise RelayFailed("unset", "no relay is set: CIS_ALARM_SMTP and CIS_ALARM_TO")
        server = MailServer(url=self.url, credentials=self.credentials)
        try:
            self.require_outside(server.place()[1])
            with server.session() as send:
                send(self._message(subject, text), self.sender, self.recipients)
        except MailFailed as error:
            raise RelayFailed("smtp" if error.code == "refused" else error.code, str(error)) from error

    def require_outside(self, host: str) -> None:
        """Go on only where neither the relay nor a recipient's mailbox is on a node of ours, also not by resolution."""
        theirs = {host.lower().rstrip("."), *_addresses([host])}
        for node in db.session.scalars(select(Node)):
            names = [node.address, node.hostname]
            if theirs & {*(name.lower().rstrip(".") for name in names), *_addresses(names)}:
                raise RelayFailed("own_node", f"{host} is the node {node.name}")
        for recipient in self.recipients:
            domain = parseaddr(recipient)[1].rpartition("@")[2].lower()
            if not domain or self.is_ours(domain):
                raise RelayFailed("own_domain", f"mail for {recipient} ends on our own nodes")

    def _message(self, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, ", ".join(self.recipients), subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=parseaddr(self.sender)[1].rpartition("@")[2] or None)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
        message.set_content(text, cte="quoted-printable")
        return message


def relay_of(settings: Settings, is_ours: Callable[[str], bool]) -> Relay:
    """The relay that the settings name; ``is_set`` tells whether they do."""
    recipients = tuple(part.strip() for part in settings.alarm_to.split(",") if part.strip())
    return Relay(
        url=settings.alarm_smtp,
        sender=settings.alarm_from or (recipients[0] if recipients else ""),
        recipients=recipients,
        credentials=settings.below_data(settings.alarm_credentials),
        is_ours=is_ours,
    )


def _addresses(names: Iterable[str]) -> set[str]:
    """Every address that ``names`` stand for; a name that cannot be resolved stands for none."""
    found: set[str] = set()
    for name in names:
        try:
            places = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError:
            continue
        found |= {str(ip_address(str(place[4][0]).partition("%")[0])) for place in places}
    return found
