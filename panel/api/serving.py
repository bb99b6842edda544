"""The walk of a request: who asks, how often, may they, what exactly; then the action; then, if asked, waiting."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Response, request

from panel.api.bearer import bearer_actor, refuse_bad_token
from panel.api.idempotency import once
from panel.api.limits import seconds_to_wait
from panel.api.operations import Answer, Ask, Operation
from panel.api.problems import for_status
from panel.api.reading import read_body, read_form, read_query
from panel.api.waiting import wanted_seconds
from panel.kernel.access import Actor, require
from panel.ledger.waiting import wait_until


def view_of(operation: Operation) -> Callable[..., Response]:
    """The Flask view for ``operation``."""

    def view(**path: Any) -> Response:
        actor = bearer_actor()
        wait = seconds_to_wait(None if actor is None else actor.ref)
        if wait:
            return for_status(429, headers={"Retry-After": str(wait)})
        if actor is None:
            return refuse_bad_token()
        if operation.permission is not None:
            require(actor, operation.permission, staff=operation.staff)
        response = _respond(*_serve(operation, actor, path))
        if operation.deprecation is not None:
            response.headers.extend(operation.deprecation.headers())
        return response

    return view


def _serve(operation: Operation, actor: Actor, path: dict[str, Any]) -> tuple[Answer, dict[str, str]]:
    """The answer, and headers about how it came to be."""
    ask = Ask(path=path, query=read_query(operation.query), body=_body(operation))
    headers: dict[str, str] = {}
    answer = once(operation, actor, ask, headers) if operation.method == "POST" else operation.handler(actor, ask)
    seconds = wanted_seconds()
    if seconds and answer.settled is not None:
        headers["Preference-Applied"] = f"wait={seconds}"
        wait_until(answer.settled, seconds)
    return answer.now(), headers


def _body(operation: Operation) -> dict[str, Any]:
    return read_form(operation.form) if operation.upload else read_body(operation.body)


def _respond(answer: Answer, headers: dict[str, str]) -> Response:
    if answer.file is not None:
        content, media_type, name = answer.file
        response = Response(content, content_type=media_type)
        response.headers.set("Content-Disposition", "attachment", filename=name)
    elif answer.body is None:
        response = Response(status=204)
    else:
        response = Response(
            json.dumps(answer.body, ensure_ascii=False), status=answer.status, content_type="application/json"
        )
    response.headers.extend(headers)
    if answer.location is not None:
        response.headers["Location"] = answer.location
    if answer.etag is not None:
        response.set_etag(answer.etag)
        response.make_conditional(request)
    return response
