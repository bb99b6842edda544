"""One-time links in addresses: bad ones are counted, good ones are never refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import request

from panel.identity.limits import address_key, attempt
from panel.kernel.errors import NotFound

T = TypeVar("T")


def by_link(find: Callable[[str], T], token: str) -> T:
    """What ``find`` finds by the link's ``token``. Raises NotFound, and TooMany where too many bad ones were tried."""
    try:
        return find(token)
    except NotFound:
        attempt("link", address_key(request.remote_addr))
        raise
