"""Who has to wait before trying to sign in again: for staff, who can end it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from panel.identity.limits import Attempts
from panel.identity.lockouts import clear_lockout, lockouts_query
from panel.identity.models import User
from panel.kernel.db import db
from panel.kernel.i18n import _
from panel.shapes.orders import LOCKOUTS
from panel.web.lists import asked, csv_answer
from panel.web.session import actor, permission
from panel.wording import attempt_word

area = Blueprint("lockouts", __name__, url_prefix="/lockouts")


COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    ("at_what", lambda row: attempt_word(row.what)),
    ("person", lambda row: _email(row.user_id)),
    *((name, attrgetter(name)) for name in ("network", "failures", "last_at", "until")),
]


@area.get("/")
@permission("users:read", staff=True)
def show_list() -> ResponseReturnValue:
    """Who waits now; found by a whole e-mail or network address."""
    wanted = asked()
    listing = wanted.read(lockouts_query(actor(), search=wanted.search), sorts=LOCKOUTS, default="-last_at")
    ids = {row.user_id for row in listing.items if row.user_id is not None}
    people = {user.id: user for user in db.session.scalars(select(User).where(User.id.in_(ids)))}
    return render_template("lockouts/list.html", listing=listing, people=people)


@area.get("/lockouts.csv")
@permission("users:read", staff=True)
def download() -> ResponseReturnValue:
    """The same list as a file."""
    query = lockouts_query(actor(), search=asked().search).order_by(Attempts.last_at.desc())
    return csv_answer(query, COLUMNS, name="lockouts")


@area.post("/<uuid:attempts_id>/clear")
@permission("users:write", staff=True)
def clear(attempts_id: uuid.UUID) -> ResponseReturnValue:
    """Let somebody try again at once."""
    clear_lockout(actor(), attempts_id)
    flash(_("They can try again at once."), "success")
    return redirect(url_for("lockouts.show_list"), 303)


def _email(user_id: uuid.UUID | None) -> str:
    user = None if user_id is None else db.session.get(User, user_id)
    return "" if user is None else user.email
