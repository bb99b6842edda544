"""The narrow session of a mailbox's holder: a cookie of its own with a secret, whose row is good for one mailbox.

Signing out, a new password, a suspension or a removal end it wherever a copy of the cookie is.
"""

from __future__ import annotations

from flask import Response, current_app, g, request

from panel.kernel.access import Actor
from panel.mail.holder_sessions import IDLE_SECONDS, end_holder_session, find_holder, open_holder_session
from panel.mail.holders import holder_of
from panel.mail.models import Mailbox


def holder() -> Actor | None:
    """The holder who sent this request; None without a good cookie. Found once per request."""
    if "holder" not in g:
        secret = request.cookies.get(_name())
        mailbox = find_holder(secret) if secret else None
        g.holder = None if mailbox is None else holder_of(mailbox)
    found: Actor | None = g.holder
    return found


def begin(response: Response, mailbox: Mailbox) -> Response:
    """``response`` with the cookie of a new session of ``mailbox``'s holder, who gave its password."""
    return _keep(response, open_holder_session(mailbox))


def keep(response: Response) -> Response:
    """``response`` with the cookie that came, good for another while."""
    return _keep(response, request.cookies[_name()])


def end(response: Response) -> Response:
    """``response`` that takes the cookie away; its session is over for whoever has a copy."""
    secret = request.cookies.get(_name())
    if secret:
        end_holder_session(secret)
    secure = current_app.config["CIS"].secure_cookies
    response.delete_cookie(_name(), secure=secure, httponly=True, samesite="Strict", path="/")
    return response


def _keep(response: Response, secret: str) -> Response:
    secure = current_app.config["CIS"].secure_cookies
    response.set_cookie(
        _name(), secret, max_age=IDLE_SECONDS, secure=secure, httponly=True, samesite="Strict", path="/"
    )
    return response


def _name() -> str:
    return "__Host-mailbox" if current_app.config["CIS"].secure_cookies else "cis_mailbox"
