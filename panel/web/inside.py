"""The view of a member that somebody of staff entered, as requests know it: which one, what is open there, its end.

The signed session cookie names the stay; whether it still holds, its row says, by the database's clock, each time.
"""

from __future__ import annotations

import uuid

from flask import Flask, g, redirect, request, session, url_for
from flask_login import current_user, user_logged_out
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.contracts.models import Contract
from panel.dns.models import Zone
from panel.identity.actions import actor_for_user
from panel.identity.looks import note_look
from panel.identity.step_ins import StepIn
from panel.identity.stepping_in import count_page, end, find_inside
from panel.kernel.db import db
from panel.kernel.errors import NotAllowed, NotFound
from panel.mail.models import Mailbox, MailDomain

_KEY = "cis_step_in"
_ALWAYS = frozenset({"static", "bootstrap.static", "security.logout", "stepping_in.over"})
_OPEN = _ALWAYS | {"dashboard.show", "search.show", "stepping_in.show", "stepping_in.leave", "stepping_in.ask",
                   "stepping_in.carry_out"}  # fmt: skip
"""Routes without a permission of their own that are open inside; the person's account and sign-in are not."""

_OWNERS = {
    "mailbox_id": Mailbox.member_id,
    "contract_id": Contract.member_id,
    "domain_id": MailDomain.member_id,
    "zone_id": Zone.member_id,
}
"""By what an address names, whose page it is."""


def follow(app: Flask) -> None:
    """End a stay with the sign-in it belongs to, and count the pages opened."""
    user_logged_out.connect(_sign_out, app)
    app.after_request(_count)


def begin(step_in: StepIn) -> None:
    """Be in that view from the next request on."""
    session[_KEY] = str(step_in.id)


def forget() -> None:
    """Be oneself again from the next request on."""
    session.pop(_KEY, None)


def current() -> StepIn | None:
    """The stay that holds, looked at once in a request."""
    if _KEY not in session:
        return None
    if "step_in" not in g:
        known = current_user.is_authenticated and "presented" in g
        g.step_in = (
            find_inside(current_user, uuid.UUID(session[_KEY]), session_id=g.presented.row.id) if known else None
        )
    step_in: StepIn | None = g.step_in
    return step_in


def check(endpoint: str, permission: str | None) -> Response | None:
    """Keep what is closed inside closed, and show that a stay is over before anything is done as oneself again.

    Raises NotAllowed ``closed_inside``.
    """
    if _KEY not in session or not current_user.is_authenticated:
        return None
    g.entered = session[_KEY]  # signing out empties the cookie before or after it is told to us
    if endpoint in _ALWAYS:
        return None
    if current() is None:
        return redirect(url_for("stepping_in.over"))
    if permission is None and endpoint not in _OPEN:
        raise NotAllowed("closed_inside", permission=endpoint)
    return None


def _sign_out(_app: Flask, user: object, **_more: object) -> None:
    name = g.pop("entered", None)
    if name is None:
        return
    try:
        end(actor_for_user(user), uuid.UUID(name), by="sign_out")  # type: ignore[arg-type]  # our own User
    except NotFound:
        return


def _count(response: Response) -> Response:
    """Count a page of a member that staff opened, inside or from its own place."""
    if request.method != "GET" or response.status_code != 200 or g.get("broken") or "actor" not in g:
        return response
    step_in = g.get("step_in")
    if step_in is not None and request.endpoint not in _ALWAYS:
        count_page(step_in.id)
    is_staff = g.actor.reaches_all or step_in is not None
    member_id = _member_shown() if is_staff else None
    if member_id is not None:
        note_look(g.actor, member_id)
    return response


def _member_shown() -> uuid.UUID | None:
    """Whose page this is, by what its address names."""
    named = request.view_args or {}
    if "member_id" in named:
        return uuid.UUID(str(named["member_id"]))
    for argument, column in _OWNERS.items():
        if argument in named:
            return db.session.scalar(select(column).where(column.class_.id == named[argument]))
    return None
