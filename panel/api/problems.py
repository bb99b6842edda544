"""Errors as ``application/problem+json`` (RFC 9457): the one table from the panel's errors to HTTP."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from flask import Response, current_app
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from panel.kernel.db import is_full
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit, PanelError, TooMany
from panel.kernel.i18n import _, _l
from panel.wording import describe, full_words
from panel.wording.zone_lint import remark_words

STATUSES: dict[type[PanelError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    NotAllowed: HTTPStatus.FORBIDDEN,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    OverLimit: HTTPStatus.CONFLICT,
    Conflict: HTTPStatus.CONFLICT,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
}
CODES: dict[str, HTTPStatus] = {"stale": HTTPStatus.PRECONDITION_FAILED}
"""Codes whose status is another than their kind's."""

_TITLES = {
    400: _l("Not understood"),
    401: _l("Not signed in"),
    403: _l("Not allowed"),
    404: _l("Not found"),
    405: _l("Wrong method"),
    409: _l("Conflict"),
    412: _l("Changed in the meantime"),
    413: _l("Too large"),
    415: _l("Another media type is expected"),
    422: _l("Invalid values"),
    429: _l("Too many requests"),
    500: _l("Internal error"),
    503: _l("Not available now"),
}
_DETAILS = {
    400: _l("The request is not well-formed: send JSON without duplicate names, in UTF-8."),
    401: _l("Send a valid token in the header: Authorization: Bearer TOKEN."),
    404: _l("There is no such thing here, or it is not yours to see."),
    405: _l("This address does not take this method; the header Allow names those it takes."),
    413: _l("The request is larger than allowed."),
    415: _l("Send the body as application/json."),
    429: _l("Wait as long as the header Retry-After says, then try again."),
    500: _l("Something went wrong on our side. It was noted; try again later."),
    503: _l("The panel cannot answer now. Try again in a moment."),
}
_CODES_BY_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}


def problem(status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """A problem document. ``code`` is stable; ``detail`` is in the reader's language."""
    title = str(_TITLES.get(status, HTTPStatus(status).phrase))
    body = {"type": f"/api/v1/docs#{code}", "title": title, "status": status, "detail": detail, "code": code} | more
    return Response(
        json.dumps(body, ensure_ascii=False), status=status, headers=headers, content_type="application/problem+json"
    )


def for_error(error: PanelError) -> Response:
    """The answer to an error of an action."""
    status = CODES.get(error.code) or next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    told = error.errors if isinstance(error, Invalid) else [error] if error.field else []
    detail = describe(error) if len(told) <= 1 else _("%(number)s values are not good; see errors.", number=len(told))
    wait = {"Retry-After": str(error.params["seconds"])} if isinstance(error, TooMany) else None
    return problem(status, error.code, detail, headers=wait, errors=_remarks(error) or [_line(one) for one in told])


def for_status(status: int, *, headers: dict[str, str] | None = None) -> Response:
    """The answer that says no more than its status."""
    return problem(
        status, _CODES_BY_STATUS.get(status, "error"), str(_DETAILS.get(status, "")), headers=headers, errors=[]
    )


def for_http(error: HTTPException) -> Response:
    """The answer to what HTTP itself forbids; headers such as Allow stay."""
    if error.code is None or error.code < 400:
        return Response(error.get_body(), status=error.code, headers=error.get_headers())
    kept = {name: value for name, value in error.get_headers() if name not in ("Content-Type", "Content-Length")}
    return for_status(error.code, headers=kept)


def for_crash(error: Exception) -> Response:
    """The answer to a fault of our own: nothing of it is shown, all of it is logged. Tests see the fault itself."""
    if current_app.testing:
        raise error
    logging.getLogger(__name__).error("API request failed", exc_info=error)
    return _full() if is_full(error) else for_status(500)


def for_busy_database(error: OperationalError) -> Response:
    """The answer when the database cannot take the request now, or at all."""
    logging.getLogger(__name__).error("database: %s", error.orig)
    return _full() if is_full(error) else for_status(503, headers={"Retry-After": "1"})


def _full() -> Response:
    return problem(503, "unavailable", full_words(), headers={"Retry-After": "60"}, errors=[])


def _line(error: PanelError) -> dict[str, Any]:
    line = {"field": error.field, "code": error.code, "message": describe(error)}
    return line if "row" not in error.params else line | {"row": error.params["row"]}


def _remarks(error: PanelError) -> list[dict[str, Any]]:
    """What the lint says of a zone, each about a set at its address below the zone; ``row``: by which it was wanted."""
    rows, row = error.params.get("rows", {}), error.params.get("row")
    return [
        {"field": "/".join(filter(None, ("rrsets", one.name, one.type))), "code": one.code, "level": one.level,
         "message": remark_words(one.code, one.params)}
        | ({} if (at := rows.get((one.name, one.type), row)) is None else {"row": at})
        for one in error.params.get("remarks", ())
    ]  # fmt: skip
