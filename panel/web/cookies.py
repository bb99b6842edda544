"""The session's cookie: bound to this host by its name, and refused where there are two of it."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface


class OneCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, read only where a browser sends one of its name.

    A sibling host or a page without TLS cannot set a cookie whose name begins with ``__Host-`` (RFC 6265bis 4.1.3.2).
    Where one gets in another way, which of the two the browser sends first is not ours to guess: both open nothing.
    """

    def open_session(self, app: Flask, request: Request) -> Any:
        """The session the cookie holds; an empty one where there are several."""
        if len(request.cookies.getlist(self.get_cookie_name(app))) > 1:
            return self.session_class()
        return super().open_session(app, request)
