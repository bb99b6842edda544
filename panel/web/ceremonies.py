"""What browsers need for passkeys: a challenge for each try, kept in the asker's own cookie until it is answered."""

from __future__ import annotations

import time
from typing import Any

from flask import jsonify, session
from werkzeug.wrappers import Response

from panel.identity.models import User
from panel.identity.passkeys import CHALLENGE_SECONDS, creation_options, new_challenge, request_options

_KEPT = "cis_challenge"


def ask_for_new(user: User) -> Response:
    """Options for making a passkey."""
    return _told(creation_options(user, _begin("new")))


def ask_for(user: User | None, purpose: str) -> Response:
    """Options for proving one: of ``user``, or of whoever holds one that verifies its holder."""
    return _told(request_options(_begin(purpose), user))


def challenge_for(purpose: str) -> str:
    """The challenge given for ``purpose`` a moment ago, once; empty, which nothing answers, where there is none."""
    kept = session.pop(_KEPT, None)
    if not isinstance(kept, dict) or kept.get("for") != purpose:
        return ""
    return str(kept["value"]) if 0 <= time.time() - kept["at"] <= CHALLENGE_SECONDS else ""


def _begin(purpose: str) -> str:
    challenge = new_challenge()
    session[_KEPT] = {"value": challenge, "for": purpose, "at": int(time.time())}
    return challenge


def _told(options: dict[str, Any]) -> Response:
    return jsonify(options)
