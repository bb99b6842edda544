"""Who asks: the signed-in user as an Actor, and what each route declares it needs. No declaration, no page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, flash, g, redirect, request, session, url_for
from flask_login import current_user, login_user, user_logged_out
from werkzeug.wrappers import Response

from panel.identity.actions import actor_for_user
from panel.identity.factors import has_factor
from panel.identity.models import User
from panel.identity.policy import demand_on
from panel.identity.sessions import (
    Opened,
    Presented,
    UserSession,
    end_session,
    find_session,
    is_two,
    renew_session,
    why_ended,
)
from panel.identity.sign_ins import sign_in
from panel.identity.stepping_in import actor_inside
from panel.kernel.access import PERMISSIONS, Actor, require
from panel.kernel.i18n import _
from panel.web import holding, inside
from panel.web.agents import short_agent
from panel.web.targets import own_path
from panel.wording import ended_words

_SECRET = "cis_secret"  # noqa: S105 - the name under which a cookie holds one
_KEPT = ("cis_language", "_flashes")
"""What of a browser's cookie outlives a sign-in and a sign-out."""

_OTHER_EDGES = ("/api/",)
_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a route needs: nothing (public), somebody signed in, or a permission, perhaps on the whole association.

    ``unready``: also open to whoever must set up a second factor first; everything else is closed to them until then.
    ``holder``: for a mailbox's holder, who has a cookie of its own.
    """

    public: bool = False
    permission: str | None = None
    staff: bool = False
    unready: bool = False
    holder: bool = False


def public(view: _View) -> _View:
    """Declare that anybody may open this route."""
    return _declare(view, Declared(public=True))


def holder(view: _View) -> _View:
    """Declare that this route is for a mailbox's holder, who came in by the mailbox's password."""
    return _declare(view, Declared(holder=True))


def signed_in(view: _View) -> _View:
    """Declare that whoever is signed in may open this route."""
    return _declare(view, Declared())


def unready(view: _View) -> _View:
    """Declare that whoever is signed in may open this route, also before the second factor a role asks for is there."""
    return _declare(view, Declared(unready=True))


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
    """The signed-in user as an actor, found once per request: as oneself, or inside a member's view."""
    if "actor" not in g:
        step_in = inside.current()
        g.actor = (
            actor_for_user(current_user, fresh=is_fresh()) if step_in is None else actor_inside(current_user, step_in)
        )
    return g.actor


def is_signed_in() -> bool:
    """Whether somebody is signed in; False where no session was looked at."""
    return bool(current_user) and current_user.is_authenticated


def begin(user: User, factors: Sequence[str]) -> UserSession:
    """Sign ``user`` in, who gave ``factors``: a session of its own, and nothing of what the cookie held before."""
    _forget_cookie()
    opened = sign_in(user, factors=factors, **whence())
    _present(opened, fresh=is_two(factors))
    login_user(opened.row.user, force=True)
    return opened.row


def rise(factor: str | None) -> None:
    """Note that ``factor`` was given now (None: the password, by somebody without one), and change the secret."""
    _present(renew_session(row().id, factor=factor), fresh=factor is not None or is_fresh())


def me() -> User:
    """Who is signed in, as their row."""
    return row().user


def row() -> UserSession:
    """The session of this request; only where somebody is signed in."""
    found: Presented = g.presented
    return found.row


def address() -> str:
    """The address this request came from."""
    return request.remote_addr or ""


def whence() -> dict[str, str]:
    """Address and browser of this request, as lists of sessions and of sign-ins show them."""
    return {"address": address(), "agent": short_agent(request.user_agent.string)}


def is_fresh() -> bool:
    """Whether a second factor was given a moment ago."""
    return is_signed_in() and bool(g.presented.fresh)


def is_proven() -> bool:
    """Whether the strongest thing this person can give was given a moment ago: a factor, else the password."""
    return is_signed_in() and bool(g.presented.proven)


def require_fresh(view: _View) -> _View:
    """Open ``view`` only after a second factor a moment ago; whoever has none sets one up first.

    Put it below the route's declaration. A form sent too late goes back to its page once confirmed.
    """
    return _only_if(is_fresh, view)


def require_fresh_to_send(view: _View) -> _View:
    """Let anybody look, and take the form only after a second factor a moment ago."""
    return _only_if(lambda: request.method in ("GET", "HEAD") or is_fresh(), view)


def require_proven(view: _View) -> _View:
    """Open ``view`` only after the strongest thing this person has was given a moment ago: for one's own account."""
    return _only_if(is_proven, view)


def require_factor(view: _View) -> _View:
    """Open ``view`` to whoever has a second factor only after they gave it a moment ago; others are asked by it."""
    return _only_if(lambda: is_fresh() or not has_factor(current_user), view)


def guard(app: Flask) -> None:
    """Know sessions by their rows, and check every request against what its route declared, before the view runs."""
    app.login_manager.user_loader(_load)  # type: ignore[attr-defined]  # Flask-Login adds it
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]  # no other way in
    app.login_manager.session_protection = None  # type: ignore[attr-defined]  # rows and secrets do that here
    user_logged_out.connect(_end, app)
    app.before_request(_check_declared)


def _check_declared() -> Response | None:
    endpoint = request.endpoint
    if endpoint is None or request.path.startswith(_OTHER_EDGES):
        return None
    needs = declared(current_app, endpoint)
    if needs is None:
        abort(404)
    over = inside.check(endpoint, needs.permission)
    if over is not None:
        return over
    return None if needs.public else _turn_away(needs)


def _turn_away(needs: Declared) -> Response | None:
    """The way to whatever must come first; None for whoever may go on. Raises NotAllowed."""
    if needs.holder:
        return None if holding.holder() is not None else redirect(url_for("own_mailbox.sign_in"))
    if not is_signed_in():
        _say_why_ended()
        return redirect(url_for("security.login", next=_here()))
    if not needs.unready and must_set_up(current_user):
        return redirect(url_for("factors.set_up", next=_here()))
    if needs.permission is not None:
        require(actor(), needs.permission, staff=needs.staff)
    return None


def must_set_up(user: User) -> bool:
    """Whether a role of ``user`` asks for a second factor now, and there is none."""
    return demand_on(user).is_due and not has_factor(user)


def _say_why_ended() -> None:
    """Tell somebody who was signed in here why they are not any more, once."""
    secret = session.pop(_SECRET, None)
    why = why_ended(secret) if isinstance(secret, str) else None
    if why is not None:
        flash(ended_words(why), "info")


def _load(identity: str) -> User | None:
    """The user of the session whose secret the cookie holds; Flask-Login asks once per request."""
    secret = session.get(_SECRET)
    asks_by_itself = request.blueprint == "live"
    found = find_session(secret, seen=not asks_by_itself) if isinstance(secret, str) else None
    if found is None or found.row.user.fs_uniquifier != identity:
        return None
    g.presented = found
    return found.row.user


def _present(opened: Opened, *, fresh: bool) -> None:
    """Put a session that was just opened or renewed into the cookie and this request."""
    session[_SECRET], session["_user_id"] = opened.secret, opened.row.user.get_id()
    g.presented = Presented(row=opened.row, fresh=fresh, proven=True)
    g.pop("actor", None)


def _end(_app: Flask, **_details: Any) -> None:
    """Signing out ends the row too: its cookie opens nothing any more, wherever a copy of it is."""
    found: Presented | None = g.pop("presented", None)
    if found is not None:
        end_session(actor_for_user(found.row.user), found.row.id, why="signed_out")
    _forget_cookie()


def _forget_cookie() -> None:
    kept = {name: session[name] for name in _KEPT if name in session}
    session.clear()
    session.update(kept)
    g.pop("actor", None)
    g.pop("csrf_token", None)


def _only_if(holds: Callable[[], bool], view: _View) -> _View:
    @wraps(view)
    def asked(*args: Any, **kwargs: Any) -> Any:
        if holds():
            return view(*args, **kwargs)
        if holds is not is_proven and not has_factor(current_user):
            flash(_("Set up a second factor first."), "warning")
            return redirect(url_for("factors.set_up", next=_back()))
        return redirect(url_for("account.confirm", next=_back()))

    return asked  # type: ignore[return-value]  # the same call


def _back() -> str:
    """The page to come back to: this one, or the one whose form was sent where this one answers to forms only."""
    rule = request.url_rule
    if rule is not None and "GET" in (rule.methods or ()):
        return request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else request.path
    return own_path(urlsplit(request.referrer or "").path) or url_for("account.show")


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
}
"""Routes of Flask-Security that we show. Its others (proof by password alone …) stay closed."""
