"""What a mail server on the internet sees: would a message be taken, and is it (RFC 5321, 2920, 3207).

One connection is kept warm for a moment, no longer: the process behind it goes on as it began, whatever has become
of its configuration, of the port, or of the firewall since, and what counts is what newcomers are told. Postfix slows a
client down after ten errors and a hundred RSETs (``smtpd_soft_error_limit``, ``smtpd_junk_command_limit``); the probe
opens a new connection before that, so no exception is needed on the node.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import format_datetime

from provisioning.probes.findings import now
from provisioning.probes.lines import Connection, Deadline, PinnedTls, ProbeError

PROBE_HEADER = "X-CIS-Probe"
CHUNK = 100
ERRORS_MAX = 8
RESETS_MAX = 90
WARM_SECONDS = 1.0
"""For how long a connection stands for what a newcomer would be told."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply: the code and its words."""

    code: int
    text: str

    @property
    def accepted(self) -> bool:
        """Tell whether the command was taken (2xx)."""
        return 200 <= self.code < 300

    @property
    def later(self) -> bool:
        """Tell whether the server asks to come back (4xx)."""
        return 400 <= self.code < 500


class SmtpProbe:
    """A client of one node's port 25. Not thread-safe: one per worker thread."""

    def __init__(self, address: str, tls: PinnedTls, *, port: int = 25) -> None:
        self._address = address
        self._port = port
        self._tls = tls
        self._connection: Connection | None = None
        self._errors = 0
        self._resets = 0
        self._opened = 0.0

    def check_recipients(
        self, addresses: Iterable[str], *, timeout: float = 30.0, present: bool = True
    ) -> dict[str, Reply]:
        """Ask for each address whether mail to it would be taken; nothing is sent.

        ``present`` is what the caller expects: absent addresses are asked few at a time, each lot on a fresh
        connection, since each refusal brings the connection nearer to being slowed. Raises ProbeError.
        """
        self._part_with_the_old()
        deadline = Deadline(timeout)
        replies: dict[str, Reply] = {}
        waiting = list(dict.fromkeys(addresses))
        size = CHUNK if present else ERRORS_MAX
        while waiting:
            chunk, waiting = waiting[:size], waiting[size:]
            replies |= self._check_chunk(chunk, deadline)
        return replies

    def send(self, address: str, token: str, *, timeout: float = 10.0) -> Reply:
        """Hand one probe message over; an accepting reply means the node has it in its queue. Raises ProbeError."""
        self._part_with_the_old()
        deadline = Deadline(timeout)
        replies = self._exchange([b"MAIL FROM:<>", _rcpt(address), b"DATA"], deadline)
        if replies[2].code != 354:
            self._reset(deadline)
            return next((reply for reply in replies if not reply.accepted), replies[2])
        connection = self._open(deadline)
        connection.send(_message(address, self._tls.hostname, token))
        reply = _read_reply(connection)
        self._errors, self._resets = (0, 0) if reply.accepted else (self._errors + 1, self._resets)
        return reply

    def knock(self, deadline: Deadline) -> None:
        """Come as a newcomer, be greeted, and go on from there. Raises ProbeError."""
        self.close()
        self._open(deadline)

    def close(self) -> None:
        """Leave."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _part_with_the_old(self) -> None:
        if time.monotonic() - self._opened > WARM_SECONDS:
            self.close()

    def _check_chunk(self, chunk: Sequence[str], deadline: Deadline) -> dict[str, Reply]:
        replies = self._exchange([b"MAIL FROM:<>", *map(_rcpt, chunk)], deadline)
        self._reset(deadline)
        if not replies[0].accepted:
            raise ProbeError("refused", replies[0].text)
        return dict(zip(chunk, replies[1:], strict=True))

    def _reset(self, deadline: Deadline) -> None:
        self._resets += 1
        if self._errors >= ERRORS_MAX or self._resets >= RESETS_MAX:
            self.close()
        else:
            self._exchange([b"RSET"], deadline)

    def _exchange(self, commands: Sequence[bytes], deadline: Deadline) -> list[Reply]:
        """Pipeline commands; a warm connection which the node has let go is opened again, once."""
        warm = self._connection is not None
        try:
            return self._exchange_once(commands, deadline)
        except ProbeError as error:
            self.close()
            if not warm or error.code != "unreachable":
                raise
        return self._exchange_once(commands, deadline)

    def _exchange_once(self, commands: Sequence[bytes], deadline: Deadline) -> list[Reply]:
        connection = self._open(deadline)
        connection.send(b"".join(command + b"\r\n" for command in commands))
        replies = []
        for _ in commands:
            reply = _read_reply(connection)
            if reply.code == 421:
                raise ProbeError("unreachable", reply.text)
            self._errors += reply.code >= 400
            replies.append(reply)
        return replies

    def _open(self, deadline: Deadline) -> Connection:
        if self._connection is None:
            self._connection = _connect(self._address, self._port, self._tls, deadline)
            self._errors = self._resets = 0
            self._opened = time.monotonic()
        self._connection.deadline = deadline
        return self._connection


def _connect(address: str, port: int, tls: PinnedTls, deadline: Deadline) -> Connection:
    connection = Connection(address, port, deadline)
    try:
        _require(_read_reply(connection), 220)
        connection.send(b"EHLO cis-probe.invalid\r\n")
        _require(_read_reply(connection), 250)
        connection.send(b"STARTTLS\r\n")
        _require(_read_reply(connection), 220)
        connection.start_tls(tls)
        connection.send(b"EHLO cis-probe.invalid\r\n")
        _require(_read_reply(connection), 250)
    except ProbeError:
        connection.close()
        raise
    return connection


def _require(reply: Reply, code: int) -> None:
    if reply.code != code:
        raise ProbeError("deferred" if reply.later else "refused", f"{reply.code} {reply.text}")


def _read_reply(connection: Connection) -> Reply:
    texts = []
    while True:
        line = connection.read_line()
        if not line[:3].isdigit():
            raise ProbeError("protocol", "no SMTP reply")
        texts.append(line[4:].decode("utf-8", "replace"))
        if line[3:4] != b"-":
            return Reply(int(line[:3]), " ".join(texts))


def _rcpt(address: str) -> bytes:
    return f"RCPT TO:<{address}>".encode("ascii")


def _message(address: str, hostname: str, token: str) -> bytes:
    lines = [
        f"From: CIS Panel <cis-probe@{hostname}>",
        f"To: <{address}>",
        "Subject: cis-probe",
        f"Date: {format_datetime(now())}",
        f"Message-ID: <{secrets.token_hex(8)}@{hostname}>",  # logged everywhere, so not the token
        f"{PROBE_HEADER}: {token}",
        "Auto-Submitted: auto-generated",
        "",
        "A probe of the mail service; it is removed at once.",
        ".",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")
