"""What a message must look like to leave in the name of the mailbox that signed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from provisioning.agent.sender_check.names import Doubtful, read_senders
from provisioning.agent.sender_check.protocol import Header, Message

# In both languages and ASCII, as replies of SMTP are; RFC 3463: 5.7.1 is delivery not authorized.
_REFUSED = "550 5.7.1 Nadawca nie nalezy do tej skrzynki / Not this mailbox's sender"
_CHECKED = (b"from", b"sender", b"resent-from", b"resent-sender")
_ONCE = (b"from", b"sender")

Owns = Callable[[str, str], bool]
"""Tells of a login and an address, both in lower case, whether the address is the mailbox's own or its alias."""


def refusal(message: Message, owns: Owns) -> str:
    """Return the reply that refuses a message, "" for one in the mailbox's own name.

    Its envelope, and From, Sender and their Resent forms, name only addresses that the mailbox owns, sub-addresses of
    them among them. There is one From. What can be read in two ways is refused.
    """
    login = message.login.lower()
    if not login:
        return f"{_REFUSED}: nobody signed in"
    if message.sender and not _is_own(login, message.sender, owns):
        return f"{_REFUSED}: MAIL FROM"
    if any(b"\r" in value for _, value in message.headers):
        return f"{_REFUSED}: a line ends within a header"
    checked = [(name, value) for name, value in map(_named, message.headers) if name in _CHECKED]
    counts = Counter(name for name, _ in checked)
    if counts[b"from"] != 1 or any(counts[name] > 1 for name in _ONCE):
        return f"{_REFUSED}: one From, at most one Sender"
    wrong = next((name for name, value in checked if not _all_own(login, value, owns)), None)
    return f"{_REFUSED}: {wrong.decode().title()}" if wrong else ""


def _named(header: Header) -> Header:
    """The header under its plain name: some take blanks or odd bytes in it for none."""
    name, value = header
    return bytes(byte for byte in name if 0x21 <= byte <= 0x7E).rstrip(b":").lower(), value


def _all_own(login: str, value: bytes, owns: Owns) -> bool:
    try:
        named = read_senders(value)
    except Doubtful:
        return False
    return all(_is_own(login, address, owns) for address in (*named.addresses, *named.shown))


def _is_own(login: str, address: str, owns: Owns) -> bool:
    local, _, domain = address.lower().rpartition("@")
    # A sub-address is its mailbox's (RFC 5233; recipient_delimiter in main.cf).
    return bool(local) and owns(login, f"{local.partition('+')[0]}@{domain}")
