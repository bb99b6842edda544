"""Who asks: the signed-in user as an Actor, and what each route declares it needs. No declaration, no page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from panel.identity.actions import actor_for_user
from panel.kernel.access import PERMISSIONS, Actor, require

FRESH_SECONDS = 15 * 60
"""How long a second factor counts as given a moment ago."""

_FACTOR_AT = "cis_factor_at"
_OTHER_EDGES = ("/api/",)
_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a route needs: nothing (public), somebody signed in, or a permission, perhaps on the whole association."""

    public: bool = False
    permission: str | None = None
    staff: bool = False


def public(view: _View) -> _View:
    """Declare that anybody may open this route."""
    return _declare(view, Declared(public=True))


def signed_in(view: _View) -> _View:
    """Declare that whoever is signed in may open this route."""
    return _declare(view, Declared())


def permission(name: str, *, staff: bool = False) -> Callable[[_View], _View]:
    """Declare that this route needs ``name``, with ``staff`` on the whole association; actions check again, by row."""
    if name not in PERMISSIONS:
        raise ValueError(f"unknown permission {name}")
    return lambda view: _declare(view, Declared(permission=name, staff=staff))


def declared(app: Flask, endpoint: str) -> Declared | None:
    """What the route ``endpoint`` declared; None where it declared nothing and is therefore closed."""
    if endpoint in ("static", "bootstrap.static"):
        return Declared(public=True)
    found = _OF_LIBRARIES.get(endpoint) or getattr(app.view_functions.get(endpoint), "declared", None)
    return found if isinstance(found, Declared) else None


def actor() -> Actor:
    """The signed-in user as an actor, found once per request."""
    if "actor" not in g:
        g.actor = actor_for_user(current_user, fresh=is_fresh())
    return g.actor


def is_signed_in() -> bool:
    """Whether somebody is signed in; False where no session was looked at."""
    return bool(current_user) and current_user.is_authenticated


def remember_factor() -> None:
    """Note that a second factor was given now."""
    session[_FACTOR_AT] = int(time.time())


def is_fresh() -> bool:
    """Whether a second factor was given a moment ago."""
    given = session.get(_FACTOR_AT)
    return isinstance(given, int) and 0 <= time.time() - given <= FRESH_SECONDS


def guard(app: Flask) -> None:
    """Check every request against what its route declared, before the view runs."""
    app.before_request(_check_declared)


def _check_declared() -> Response | None:
    endpoint = request.endpoint
    if endpoint is None or request.path.startswith(_OTHER_EDGES):
        return None
    needs = declared(current_app, endpoint)
    if needs is None:
        abort(404)
    if needs.public:
        return None
    if not is_signed_in():
        return redirect(url_for("security.login", next=_here()))
    if needs.permission is not None:
        require(actor(), needs.permission, staff=needs.staff)
    return None


def _here() -> str | None:
    """Where to come back to after signing in: this page, as a path of our own; nowhere special after a form."""
    if request.method not in ("GET", "HEAD") or request.path == "/":
        return None
    return request.full_path.rstrip("?")


def _declare(view: _View, needs: Declared) -> _View:
    view.declared = needs  # type: ignore[attr-defined]  # functions take attributes
    return view


_OF_LIBRARIES = {
    "security.login": Declared(public=True),
    "security.logout": Declared(public=True),
    "security.two_factor_token_validation": Declared(public=True),
    "security.two_factor_setup": Declared(public=True),
    "security.two_factor_setup_validate": Declared(),
    "security.change_password": Declared(),
    "security.verify": Declared(),
}
"""Routes of Flask-Security that we show. Its others (rescue by mail, choice of methods …) stay closed.

Code and set-up are public because they come between password and signed in; the library lets nobody in who did not give
the password.
"""
