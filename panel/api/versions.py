"""Versions of what two people may edit: ETag, and If-Match (RFC 9110 13.1.1), honoured when sent."""

from __future__ import annotations

from flask import request

from panel.kernel.errors import Conflict


def require_match(etag: str) -> None:
    """Go on only if the client saw ``etag``, or did not say what it saw. Raises Conflict ``stale``.

    Call it in the unit of work that changes the row, or another change may come between.
    """
    if "If-Match" in request.headers and not request.if_match.contains(etag):
        raise Conflict("stale")
