"""Ids in the query string of a page."""

from __future__ import annotations

import uuid

from flask import request

from panel.kernel.errors import NotFound


def asked_id(name: str) -> uuid.UUID | None:
    """The id in the query string under ``name``; None where there is none.

    Raises NotFound for what is no id: it finds nothing, rather than everything.
    """
    text = request.args.get(name)
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound("not_found") from None
