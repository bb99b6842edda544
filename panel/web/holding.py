"""The narrow session of a mailbox's holder: a cookie of its own, good for one mailbox, half an hour and one password.

The cookie is signed and holds the mailbox's id and a mark of its password's hash: a new password, a suspension or a
removal end it wherever a copy of it is.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid

from flask import Response, current_app, g, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.mail.holders import holder_of, is_open
from panel.mail.models import Mailbox

SECONDS = 30 * 60
"""How long a holder stays signed in after the last page."""


def holder() -> Actor | None:
    """The holder who sent this request; None without a good cookie. Found once per request."""
    if "holder" not in g:
        mailbox = _mailbox(request.cookies.get(_name(), ""))
        g.holder = None if mailbox is None else holder_of(mailbox)
    found: Actor | None = g.holder
    return found


def begin(response: Response, mailbox: Mailbox) -> Response:
    """``response`` with the cookie of ``mailbox``'s holder, from now on for SECONDS."""
    secure = current_app.config["CIS"].secure_cookies
    value = _signer().dumps([str(mailbox.id), _mark(mailbox)])
    response.set_cookie(_name(), value, max_age=SECONDS, secure=secure, httponly=True, samesite="Strict", path="/")
    return response


def end(response: Response) -> Response:
    """``response`` that takes the cookie away."""
    secure = current_app.config["CIS"].secure_cookies
    response.delete_cookie(_name(), secure=secure, httponly=True, samesite="Strict", path="/")
    return response


def _mailbox(cookie: str) -> Mailbox | None:
    try:
        mailbox_id, mark = _signer().loads(cookie, max_age=SECONDS)
        mailbox = db.session.get(Mailbox, uuid.UUID(mailbox_id))
    except (BadSignature, ValueError, TypeError):
        return None
    if mailbox is None or not is_open(mailbox) or not hmac.compare_digest(mark, _mark(mailbox)):
        return None
    return mailbox


def _mark(mailbox: Mailbox) -> str:
    return hashlib.sha256(f"{mailbox.id}:{mailbox.password_hash}".encode()).hexdigest()[:32]


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="cis-mailbox-holder")


def _name() -> str:
    return "__Host-mailbox" if current_app.config["CIS"].secure_cookies else "cis_mailbox"
