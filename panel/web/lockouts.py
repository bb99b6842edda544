"""Who has to wait before trying to sign in again: for staff, who can end it."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from panel.identity.lockouts import clear_lockout, lockouts_query
from panel.identity.models import User
from panel.kernel.db import db
from panel.kernel.i18n import _
from panel.shapes.orders import LOCKOUTS
from panel.web.lists import asked
from panel.web.session import actor, permission

area = Blueprint("lockouts", __name__, url_prefix="/lockouts")


@area.get("/")
@permission("users:read", staff=True)
def show_list() -> ResponseReturnValue:
    """Who waits now; found by a whole e-mail or network address."""
    wanted = asked()
    listing = wanted.read(lockouts_query(actor(), search=wanted.search), sorts=LOCKOUTS, default="-last_at")
    ids = {row.user_id for row in listing.items if row.user_id is not None}
    people = {user.id: user for user in db.session.scalars(select(User).where(User.id.in_(ids)))}
    return render_template("lockouts/list.html", listing=listing, people=people)


@area.post("/<uuid:attempts_id>/clear")
@permission("users:write", staff=True)
def clear(attempts_id: uuid.UUID) -> ResponseReturnValue:
    """Let somebody try again at once."""
    clear_lockout(actor(), attempts_id)
    flash(_("They can try again at once."), "success")
    return redirect(url_for("lockouts.show_list"), 303)
