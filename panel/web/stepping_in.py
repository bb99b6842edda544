"""Stepping into a member's view: asking for it with a reason, what one can do inside, leaving."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.identity import stepping_in
from panel.kernel.db import db
from panel.kernel.i18n import _
from panel.members.actions import get_member
from panel.web import inside, session
from panel.web.forms.stepping_in import EnterForm
from panel.web.session import actor, permission, signed_in

area = Blueprint("stepping_in", __name__, url_prefix="/stepping-in")


@area.route("/members/<uuid:member_id>", methods=["GET", "POST"])
@permission("stepin:enter")
def enter(member_id: uuid.UUID) -> ResponseReturnValue:
    """Ask why, and enter; a fresh second factor comes first."""
    member = get_member(actor(), member_id)
    if not session.is_fresh():
        return redirect(url_for("account.confirm", next=request.path))
    form = EnterForm()
    step_in = form.attempt(
        lambda: stepping_in.enter(actor(), member_id, reason=form.reason.text, ticket=form.ticket.text)
    )
    if step_in is None:
        return render_template("stepping_in/enter.html", form=form, member=member), form.status
    inside.begin(step_in)
    return redirect(url_for("dashboard.show"), 303)


@area.get("")
@signed_in
def show() -> ResponseReturnValue:
    """The view one is in; from another window, the one to leave."""
    mine = stepping_in.step_ins_query(actor(), user_id=actor().user_id, going_on=True)
    return render_template("stepping_in/show.html", step_in=db.session.scalar(mine), here=inside.current() is not None)


@area.post("/leave")
@signed_in
def leave() -> ResponseReturnValue:
    """Leave the view, in whichever window it was entered."""
    mine = stepping_in.step_ins_query(actor(), user_id=actor().user_id, going_on=True)
    step_in = db.session.scalar(mine)
    inside.forget()
    if step_in is None:
        return redirect(url_for("dashboard.show"), 303)
    stepping_in.end(actor(), step_in.id)
    flash(_("You left the view of %(member)s.", member=step_in.member.name), "success")
    return redirect(url_for("members.show", member_id=step_in.member_id), 303)


@area.route("/over", methods=["GET", "POST"])
@signed_in
def over() -> ResponseReturnValue:
    """Say that the view is over; what was just sent, if anything, was not done."""
    inside.forget()
    return render_template("stepping_in/over.html")
