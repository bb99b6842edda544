"""Who asks: the bearer token (RFC 6750) and nothing else. Cookies open nothing here."""

from __future__ import annotations

import re

from flask import Response, request

from panel.api.problems import for_status
from panel.identity.actions import actor_for_token
from panel.identity.limits import address_key, attempt
from panel.kernel.access import Actor

_HEADER = re.compile(r"Bearer +([A-Za-z0-9._~+/-]{1,200}=*)", re.IGNORECASE | re.ASCII)


def bearer_actor() -> Actor | None:
    """The actor behind the request's token; None without a good one, for whatever reason."""
    found = _HEADER.fullmatch(request.headers.get("Authorization", ""))
    return None if found is None else actor_for_token(found[1], address=request.remote_addr)


def refuse_bad_token() -> Response:
    """Answer a request without a good token, and count it where it brought one; a good one is never kept waiting.

    Raises TooMany where too many bad ones came from its address.
    """
    if _HEADER.fullmatch(request.headers.get("Authorization", "")):
        attempt("token", address_key(request.remote_addr))
    return refusal()


def refusal() -> Response:
    """The one answer to every request without a good token: it does not tell why."""
    return for_status(401, headers={"WWW-Authenticate": 'Bearer realm="CIS Panel"'})
