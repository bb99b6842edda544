"""The relay by which alarms leave: an SMTP server that is none of our nodes, for one of them may be what is broken."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select

from config import Settings
from panel.kernel.db import db
from panel.ledger.nodes import Node

SECONDS = 30.0
_PORTS = {"smtp": 25, "smtps": 465}


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
        scheme, host, port = self.place()
        self.require_outside(host)
        message = self._message(subject, text)
        try:
            with _connect(scheme, host, port) as client:
                self._sign_in(client, scheme)
                client.send_message(message, self.sender, list(self.recipients))
        except (OSError, smtplib.SMTPException) as error:
            raise RelayFailed("smtp", str(error)) from error

    def place(self) -> tuple[str, str, int]:
        """Scheme, host and port. Raises RelayFailed where the setting is none or no such address."""
        if not self.is_set:
            raise RelayFailed("unset", "no relay is set: CIS_ALARM_SMTP and CIS_ALARM_TO")
        try:
            parts = urlsplit(self.url)
            scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError as error:
            raise RelayFailed("bad_setting", str(error)) from error
        if scheme not in _PORTS or not host:
            raise RelayFailed("bad_setting", "CIS_ALARM_SMTP: smtp://host:port or smtps://host:port")
        return scheme, host, port or _PORTS[scheme]

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

    def _sign_in(self, client: smtplib.SMTP, scheme: str) -> None:
        """Encrypt where the server can; with a password only to a server that proves its name."""
        secret = _read_credentials(self.credentials)
        if scheme == "smtp" and (secret or client.has_extn("starttls")):
            client.starttls(context=ssl.create_default_context() if secret else _any_name())
            client.ehlo()
        if secret:
            client.login(*secret)


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


def _connect(scheme: str, host: str, port: int) -> smtplib.SMTP:
    if scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=ssl.create_default_context())
    else:
        client = smtplib.SMTP(host, port, timeout=SECONDS)
    client.ehlo()
    return client


def _any_name() -> ssl.SSLContext:
    """Encryption against listeners only, where there is no password to lose (RFC 7435)."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _read_credentials(path: Path) -> tuple[str, str] | None:
    try:
        user, _, password = path.read_text().strip().partition("\n")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RelayFailed("bad_setting", f"{path} cannot be read") from error
    return (user.strip(), password.strip()) if password.strip() else None


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
