"""Whether Postfix, Dovecot and the sender check run.

The first two by the process that each names in its own file, the last by what it answers, since Postfix takes no mail
from holders without it.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from provisioning.agent.adapters.mail_config import SENDER_CHECK_SOCKET, SENDER_CHECK_STARTER
from provisioning.agent.sender_check.protocol import HELLO

_MASTERS = {
    "postfix": (Path("/var/spool/postfix/pid/master.pid"), "master"),
    "dovecot": (Path("/run/dovecot/master.pid"), "dovecot"),
}
_SECONDS = 2.0


def running() -> dict[str, bool]:
    """Tell of each daemon whether it is there."""
    found = {name: _runs(file, process) for name, (file, process) in _MASTERS.items()}
    # A node set up by an earlier program has none until it is set up again.
    return found | ({"sender-check": answers()} if SENDER_CHECK_STARTER.exists() else {})


def _runs(file: Path, process: str) -> bool:
    try:
        return Path(f"/proc/{int(file.read_text())}/comm").read_text().strip() == process
    except (OSError, ValueError):
        return False


def answers() -> bool:
    """Tell whether the sender check answers as Postfix would ask it."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_SECONDS)
        client.connect(str(SENDER_CHECK_SOCKET))
        client.sendall(HELLO)
        return client.recv(5)[4:] == HELLO[4:5]
    return False
