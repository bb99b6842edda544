"""Errors as pages: the one table that turns the panel's errors into statuses for browsers."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from flask import Flask, g, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from panel import wording
from panel.kernel.db import db, is_full
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit, PanelError, TooMany
from panel.kernel.i18n import _, _l

STATUSES: dict[type[PanelError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    Invalid: 422,
    Conflict: 409,
    OverLimit: 409,
    TooMany: 429,
}
_TITLES = {
    400: (_l("We did not understand this request"), _l("Go back, reload the page and try again.")),
    403: (_l("Not allowed"), _l("Your role does not allow this. Ask your administrator if you need it.")),
    404: (
        _l("There is no such page"),
        _l("The address may be mistyped, or what it showed is gone or not yours to see."),
    ),
    405: (_l("This does not work that way"), _l("Go back and use the buttons of the page.")),
    409: (_l("This cannot be done now"), _l("Look at the current state and try again.")),
    413: (_l("This file is too large"), _l("At most 32 MB can be sent at once.")),
    422: (_l("Something in this request is not right"), _l("Go back and correct it.")),
    429: (_l("Too many requests"), _l("Wait a moment, then try again.")),
    503: (_l("The panel is busy"), _l("Nothing was changed. Wait a moment, then try again.")),
    500: (_l("Something broke on our side"), _l("It has been written down. Try again; if it happens again, call us.")),
}
_log = logging.getLogger("cis.web")


def add(app: Flask) -> None:
    """Show errors as pages of ours; the API answers its own. What broke is written down without addresses."""
    app.log_exception = _write_down  # type: ignore[assignment]  # Flask's own writes the whole address
    app.register_error_handler(PanelError, _panel_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(InternalServerError, _broken)
    app.register_error_handler(OperationalError, _busy)


def page(status: int, text: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """The page for ``status``; ``text`` replaces the general advice."""
    title, advice = _TITLES.get(status, _TITLES[400 if status < 500 else 500])
    body = render_template("errors/error.html", status=status, error_title=str(title), advice=text or str(advice))
    return Response(body, status=status, headers=headers or {}, mimetype="text/html")


def _panel_error(error: PanelError) -> Response:
    db.session.rollback()
    status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 400)
    wait = {"Retry-After": str(error.params["seconds"])} if isinstance(error, TooMany) else None
    return page(status, None if status == 404 else wording.describe(error), headers=wait)


def _csrf_error(_error: CSRFError) -> Response:
    return page(
        400, _("This form was open for too long, or cookies are off. Go back, reload the page and send it again.")
    )


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return page(status, headers=kept)


def _broken(error: InternalServerError) -> Response:
    g.broken = True  # from here on the page asks the database for nothing
    with suppress(SQLAlchemyError):
        db.session.rollback()
    return _full() if is_full(error.original_exception) else page(500)


def _busy(error: OperationalError) -> Response:
    """A lock that did not come free in time, or a database that is away: worth another try, and no fault of ours."""
    _log.error("%s %s: database: %s", request.method, request.url_rule, error.orig)
    g.broken = True  # from here on the page asks the database for nothing
    with suppress(SQLAlchemyError):
        db.session.rollback()
    return _full() if is_full(error) else page(503, headers={"Retry-After": "5"})


def _full() -> Response:
    """No room on a disk: another try is of no use until somebody made some."""
    return page(503, wording.full_words(), headers={"Retry-After": "60"})


def _write_down(what: Any) -> None:
    """Write the rule a request fell under, not its address: that of an activation page is a secret."""
    _log.error("%s %s failed", request.method, request.url_rule, exc_info=what)
