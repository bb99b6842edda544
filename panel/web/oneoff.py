"""Pages that show a secret once: kept by no cache, told to no other site."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template


def shown_once(template: str, **values: Any) -> Response:
    """Answer the POST that made a secret with its page: a session cookie could be read, an address remembered."""
    return unkept(make_response(render_template(template, **values)))


def unkept(response: Response) -> Response:
    """``response`` with headers that keep it out of caches and its address out of ``Referer``."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
