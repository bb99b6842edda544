"""``Prefer: wait=SECONDS`` (RFC 7240): for how long a client wants its answer held until the nodes are done."""

from __future__ import annotations

import re

from flask import request

WAIT_MOST = 60
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,4})\"?\s*(?:$|[,;])", re.IGNORECASE | re.ASCII)


def wanted_seconds() -> int:
    """For how long the client wants to wait; 0 where it does not."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return 0 if found is None else min(int(found[1]), WAIT_MOST)
