"""Versions of what two people may edit: ETag, and If-Match (RFC 9110 13.1.1), honoured when sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flask import request

from panel.kernel.errors import Conflict


def digest_of(shape: Mapping[str, Any]) -> str:
    """The version of what keeps no number of its own: a digest of what is shown of it."""
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:32]


def require_match(etag: str) -> None:
    """Go on only if the client saw ``etag``, or did not say what it saw. Raises Conflict ``stale``.

    Call it in the unit of work that changes the row, or another change may come between.
    """
    if "If-Match" in request.headers and not request.if_match.contains(etag):
        raise Conflict("stale")
