"""What a mail program sees over IMAPS (RFC 9051, 3501), with the probe's own confined login.

The probe signs in as itself on behalf of the mailbox (SASL PLAIN with an authorization identity, RFC 4616) and is
let into the folder ``cis-probe`` only.
"""

from __future__ import annotations

import base64
import re
import time

from provisioning.probes.lines import Connection, Deadline, PinnedTls, ProbeError
from provisioning.probes.smtp import PROBE_HEADER

PROBE_FOLDER = "cis-probe"
PROBE_USER = "probe"
POLL_SECONDS = 0.003
SELECT_TRIES, AGAIN_SECONDS = 20, 0.05
_LITERAL = re.compile(rb"\{(\d+)\}$")
_UIDS = re.compile(rb"\* SEARCH((?: \d+)*)\s*", re.IGNORECASE)


class ImapSession:
    """One signed-in connection. Raises ProbeError: ``unreachable``, ``tls``, ``login_refused``, ``protocol``."""

    def __init__(self, address: str, tls: PinnedTls, deadline: Deadline, *, port: int = 993) -> None:
        self._connection = Connection(address, port, deadline)
        self._number = 0
        try:
            self._connection.start_tls(tls)
            self._connection.read_line()
        except ProbeError:
            self._connection.close()
            raise

    def sign_in(self, login: str, secret: str, *, on_behalf_of: str = "") -> None:
        """Sign in. A refusal comes late on purpose: the node slows wrong passwords down."""
        token = base64.b64encode(f"{on_behalf_of}\0{login}\0{secret}".encode()).decode()
        ok, lines = self.command(f"AUTHENTICATE PLAIN {token}")
        if not ok:
            raise ProbeError("login_refused", _text(lines))

    def select(self, folder: str) -> None:
        """Open a folder for reading and removing.

        A mailbox's first message and its first login make the same folders: which of the two comes second may be told
        SERVERBUG (RFC 5530 3) once, and finds them there a moment later.
        """
        for more in range(SELECT_TRIES, 0, -1):
            ok, lines = self.command(f"SELECT {folder}")
            if ok:
                return
            if more == 1 or b"[SERVERBUG]" not in lines[-1]:
                raise ProbeError("protocol", _text(lines))
            time.sleep(AGAIN_SECONDS)

    def take(self, token: str, until: Deadline) -> bytes:
        """Wait for the message with this token; return it whole and remove it. Raises ProbeError ``not_delivered``."""
        uid = self._wait(token, until)
        ok, lines = self.command(f"UID FETCH {uid} BODY.PEEK[]")
        if not ok:
            raise ProbeError("protocol", _text(lines))
        self.command(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
        self.command("EXPUNGE")
        return max(lines, key=len)

    def command(self, text: str) -> tuple[bool, list[bytes]]:
        """Send one command; return whether it was OK, and the lines and literals of the answer."""
        self._number += 1
        tag = f"c{self._number}".encode()
        self._connection.send(tag + b" " + text.encode("ascii") + b"\r\n")
        lines: list[bytes] = []
        while True:
            line = self._connection.read_line()
            lines.append(line)
            if line.startswith(tag + b" "):
                return line[len(tag) + 1 :].upper().startswith(b"OK"), lines
            literal = _LITERAL.search(line)
            if literal:
                lines.append(self._connection.read_exactly(int(literal[1])))

    def close(self) -> None:
        """Leave without waiting for a farewell."""
        self._connection.close()

    def _wait(self, token: str, until: Deadline) -> int:
        while True:
            # Only CHECK has Dovecot look into the folder anew; within the second of its last look the others do not.
            self.command("CHECK")
            _, lines = self.command(f'UID SEARCH HEADER {PROBE_HEADER} "{token}"')
            uids = [int(uid) for line in lines if (found := _UIDS.fullmatch(line)) for uid in found[1].split()]
            if uids:
                return uids[0]
            if until.passed():
                raise ProbeError("not_delivered", "the message did not arrive in time")
            time.sleep(POLL_SECONDS)


def _text(lines: list[bytes]) -> str:
    return lines[-1].decode("utf-8", "replace")
