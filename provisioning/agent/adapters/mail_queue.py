"""How much mail waits in Postfix: a message is a file in one of its queues (qmgr(8)), so files are counted."""

from __future__ import annotations

import os
from pathlib import Path

SPOOL = Path("/var/spool/postfix")
# Mail on its way, mail that waits to be tried again, mail just come in, mail that an administrator holds back.
QUEUES = ("active", "deferred", "incoming", "hold")


def count(spool: Path = SPOOL) -> dict[str, int]:
    """Count the messages in each queue; starts no command and opens no message."""
    return {queue: _files(spool / queue) for queue in QUEUES}


def _files(folder: Path) -> int:
    # Postfix spreads a queue over folders of one hexadecimal digit; a message may be moved away while we look.
    return sum(len(names) for _, _, names in os.walk(folder))
