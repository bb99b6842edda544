"""A mail server that takes our messages: where it is, how it is signed in to, what it answered."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 30.0
_PORTS = {"smtp": 25, "smtps": 465}
_PERMANENT = 500
Send = Callable[[EmailMessage, str, Sequence[str]], None]


class MailFailed(Exception):
    """A message did not leave. ``code``: ``bad_setting``, ``smtp`` or ``refused`` (for good, by the server)."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(words or code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A server by its ``url`` (``smtp://host:port``, ``smtps://…``); ``credentials``: file with user and password."""

    url: str
    credentials: Path

    def place(self) -> tuple[str, str, int]:
        """Scheme, host and port. Raises MailFailed where the setting is no such address."""
        try:
            parts = urlsplit(self.url)
            scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError as error:
            raise MailFailed("bad_setting", str(error)) from error
        if scheme not in _PORTS or not host:
            raise MailFailed("bad_setting", "smtp://host:port or smtps://host:port")
        return scheme, host, port or _PORTS[scheme]

    @contextmanager
    def session(self) -> Iterator[Send]:
        """Hand over several messages in one session. Raises MailFailed; what the server answered is in its words.

        What is yielded sends one message from an envelope address to others, and raises the same: ``refused`` for
        that message alone, after which others may follow.
        """
        scheme, host, port = self.place()
        try:
            with closing(_connect(scheme, host, port)) as client:
                self._sign_in(client, scheme)
                yield lambda message, sender, recipients: _send(client, message, sender, recipients)
                with suppress(OSError, smtplib.SMTPException):  # what was taken is taken, however it says good-bye
                    client.quit()
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed("smtp", str(error)) from error

    def _sign_in(self, client: smtplib.SMTP, scheme: str) -> None:
        """Encrypt where the server can; with a password only to a server that proves its name."""
        secret = _read_credentials(self.credentials)
        if scheme == "smtp" and (secret or client.has_extn("starttls")):
            client.starttls(context=ssl.create_default_context() if secret else _any_name())
            client.ehlo()
        if secret:
            client.login(*secret)


def _send(client: smtplib.SMTP, message: EmailMessage, sender: str, recipients: Sequence[str]) -> None:
    try:
        client.send_message(message, sender, list(recipients))
    except smtplib.SMTPRecipientsRefused as error:
        answers = list(error.recipients.values())
        refused = all(code >= _PERMANENT for code, _words in answers)
        words = "; ".join(f"{code} {_text(said)}" for code, said in answers)
        raise MailFailed("refused" if refused else "smtp", words) from error
    except smtplib.SMTPResponseException as error:
        words = f"{error.smtp_code} {_text(error.smtp_error)}"
        raise MailFailed("refused" if error.smtp_code >= _PERMANENT else "smtp", words) from error
    except (UnicodeEncodeError, smtplib.SMTPNotSupportedError) as error:
        raise MailFailed("refused", "an address that the server cannot take") from error


def _text(words: str | bytes) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words


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
        raise MailFailed("bad_setting", f"{path} cannot be read") from error
    return (user.strip(), password.strip()) if password.strip() else None
