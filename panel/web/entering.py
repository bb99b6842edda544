"""Between the first factor and signed in: who is asked for a second one, and where they go on to."""

from __future__ import annotations

import time

from flask import redirect, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.identity.factors import has_factor
from panel.identity.models import User
from panel.kernel.db import db
from panel.web.session import begin, must_set_up
from panel.web.targets import own_path

PENDING_SECONDS = 10 * 60
"""How long the first factor waits for the second."""

_PENDING = "cis_pending"


def enter(user: User, *, via: str, target: str | None = None) -> Response:
    """Go on after the first factor ``via``: to the second where ``user`` has one, else into the panel.

    ``target``: the path to end at. A passkey that verified its holder is worth both: ``finish`` then.
    """
    session.pop(_PENDING, None)
    if not has_factor(user):
        return finish(user, [via], target=target)
    session[_PENDING] = {"who": user.fs_uniquifier, "via": via, "at": int(time.time()), "target": own_path(target)}
    return redirect(url_for("second_step.show"))


def finish(user: User, factors: list[str], *, target: str | None = None) -> Response:
    """Sign ``user`` in, who gave all that is asked, and lead them on; to the set-up page where a role demands it."""
    begin(user, factors)
    if must_set_up(user):
        return redirect(url_for("factors.set_up", next=own_path(target)))
    return redirect(own_path(target) or url_for("dashboard.show"))


def pending() -> tuple[User, str, str | None] | None:
    """Who gave the first factor here, which, and where they want to go; None where nobody did a moment ago."""
    kept = session.get(_PENDING)
    if not isinstance(kept, dict) or not 0 <= time.time() - kept.get("at", 0) <= PENDING_SECONDS:
        return None
    user = db.session.scalar(select(User).where(User.fs_uniquifier == kept["who"]))
    return (user, kept["via"], kept["target"]) if user is not None and user.active else None
