"""Limits of sign-in: how often passwords may be tried, and the places from which somebody signed in before.

A browser in which somebody signed in keeps a signed cookie of its own (OWASP's device cookies), and the panel knows
from which addresses they came. From there an account has an allowance apart, so that neither an attack on the account
nor one from the same office's address keeps its owner out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_login import user_logged_in
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select

from panel.identity.limits import account_key, address_key, attempt, check, digests_of, forget, give_back, network_of
from panel.identity.models import User
from panel.kernel.db import db

PLACE_SECONDS = 180 * 24 * 3600
"""How long a browser is known after its last sign-in."""

_ACCOUNTS_MAX, _SHORT = 8, 16
_WHAT = "password"
_SIGNED_IN = "cis_signed_in"


class LimitedSignIn:
    """Put before Flask-Security's form: refuses with TooMany before any hash is computed."""

    email: Any

    def validate(self, **options: Any) -> bool:
        """Count the try, let the library look at it, and settle what was counted."""
        return try_password(str(self.email.data or ""), lambda: super(LimitedSignIn, self).validate(**options))  # type: ignore[misc]  # the library's form comes after


@dataclass(frozen=True, kw_only=True)
class Door:
    """By which keys a try is counted. ``own``: those of a known place; ``common``: the account's and the address's."""

    own: tuple[str, ...]
    account: str
    address: str
    certain: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """What a try from here is counted at."""
        return self.own or (self.account, self.address)


def follow(app: Flask) -> None:
    """Know browsers again in which somebody signed in."""
    user_logged_in.connect(_note_place, app)
    app.after_request(_keep_place)


def try_password(name: str, is_good: Callable[[], bool]) -> bool:
    """Do ``is_good`` for the account ``name`` if a try is allowed from here now. Raises TooMany."""
    if not name.strip():
        return is_good()
    user = db.session.scalar(select(User).where(User.email == name.strip().lower()))
    door = _door(name, user)
    attempt(_WHAT, *door.keys, user_id=None if user is None else user.id)
    if is_good():
        forget(_WHAT, *door.own) if door.own else _settle(door)
        return True
    if door.own and not door.certain:
        # Whoever guesses from a colleague's address learns no more than anybody: the same answer as without a place.
        check(_WHAT, door.account, door.address)
    return False


def know_browser(email: str) -> None:
    """Know this browser for the account ``email`` from now on: its holder has proved to read the account's mail."""
    setattr(g, _SIGNED_IN, email)


def _settle(door: Door) -> None:
    forget(_WHAT, door.account)
    give_back(_WHAT, door.address)


def _door(name: str, user: User | None) -> Door:
    account, address = account_key(name), address_key(request.remote_addr)
    nonce = _places().get(_short(name))
    own: tuple[str, ...] = ()
    if nonce is not None:
        own = (f"place:{nonce}",)
    elif user is not None and _came_from_here(user):
        own = (f"place:{user.id}:{network_of(request.remote_addr)}",)
    return Door(own=own, account=account, address=address, certain=nonce is not None)


def _came_from_here(user: User) -> bool:
    here = network_of(request.remote_addr)
    return bool(here) and here in (network_of(user.current_login_ip), network_of(user.last_login_ip))


def _note_place(_app: Flask, *, user: User, **_details: Any) -> None:
    know_browser(user.email)


def _keep_place(response: Response) -> Response:
    account = g.pop(_SIGNED_IN, None)
    if account is not None:
        places = _places()
        nonce = places.pop(_short(account), None) or secrets.token_urlsafe(9)
        kept = dict(list(places.items())[-_ACCOUNTS_MAX + 1 :]) | {_short(account): nonce}
        secure = bool(current_app.config["CIS"].secure_cookies)
        response.set_cookie(_cookie_name(), _signer().dumps(kept), max_age=PLACE_SECONDS, secure=secure,
                            httponly=True, samesite="Lax", path="/")  # fmt: skip
    return response


def _places() -> dict[str, str]:
    """Accounts that were signed in to with this browser, cut digests of their names, and its mark for each."""
    try:
        kept = _signer().loads(request.cookies.get(_cookie_name(), ""), max_age=PLACE_SECONDS)
    except BadSignature:
        return {}
    return {str(name): str(nonce) for name, nonce in kept.items()} if isinstance(kept, dict) else {}


def _short(name: str) -> str:
    return digests_of("place", account_key(name))[0][:_SHORT]


def _cookie_name() -> str:
    return "__Host-cis-place" if current_app.config["CIS"].secure_cookies else "cis-place"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.config["SECRET_KEY"]), salt="cis-place")
