"""Stepping into a member's view: asking for it with a reason, what one can do inside, leaving."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from panel.identity import stepping_in
from panel.identity.agreements import asked_query
from panel.identity.step_ins import StepIn
from panel.kernel.access import require_on, scoped
from panel.kernel.db import db
from panel.kernel.errors import Invalid
from panel.kernel.i18n import _
from panel.mail import agreed
from panel.mail.actions import get_mailbox
from panel.mail.agreed import ask_for
from panel.mail.models import Mailbox
from panel.members.actions import get_member
from panel.web import inside, session
from panel.web.asked_id import asked_id
from panel.web.forms.stepping_in import AskForm, EnterForm
from panel.web.session import actor, permission, require_fresh, signed_in

area = Blueprint("stepping_in", __name__, url_prefix="/stepping-in")


@area.route("/members/<uuid:member_id>", methods=["GET", "POST"])
@permission("stepin:enter")
@require_fresh
def enter(member_id: uuid.UUID) -> ResponseReturnValue:
    """Ask why, and enter; a fresh second factor comes first."""
    require_on(actor(), "stepin:enter", member_id)
    member = get_member(actor(), member_id)
    form = EnterForm()
    step_in = form.attempt(
        lambda: stepping_in.enter(
            actor(), member_id, reason=form.reason.text, ticket=form.ticket.text, session_id=session.row().id
        )
    )
    if step_in is None:
        return render_template("stepping_in/enter.html", form=form, member=member), form.status
    inside.begin(step_in)
    return redirect(url_for("dashboard.show"), 303)


@area.get("")
@signed_in
def show() -> ResponseReturnValue:
    """The view one is in; from another window, the one to leave."""
    step_in, here = _mine(), inside.current() is not None
    asked = [] if step_in is None else db.session.scalars(asked_query(actor(), step_in_id=step_in.id)).all()
    return render_template("stepping_in/show.html", step_in=step_in, here=here, asked=asked)


@area.route("/ask", methods=["GET", "POST"])
@signed_in
def ask() -> ResponseReturnValue:
    """Ask the member to agree to one change, of the mailbox in ``?mailbox=`` or of the one named."""
    if inside.current() is None:
        return redirect(url_for("stepping_in.show"))
    form = AskForm(data={"mailbox": _address(asked_id("mailbox"))})
    done = form.attempt(lambda: ask_for(actor(), form.action.data or "", mailbox_id=_found(form.mailbox.text),
                                        address=form.address.text, quota_mb=form.quota_mb.data))  # fmt: skip
    if done is None:
        return render_template("stepping_in/ask.html", form=form), form.status
    flash(_("The member's administrators are asked. This page shows their answer."), "success")
    return redirect(url_for("stepping_in.show"), 303)


@area.post("/changes/<uuid:asked_id>/carry-out")
@signed_in
def carry_out(asked_id: uuid.UUID) -> ResponseReturnValue:
    """Make the change the member agreed to."""
    changed = agreed.carry_out(actor(), asked_id)
    flash(_("Done as agreed: %(address)s.", address=changed.mailbox.address), "success")
    return redirect(url_for("stepping_in.show"), 303)


@area.post("/leave")
@signed_in
def leave() -> ResponseReturnValue:
    """Leave the view, in whichever window it was entered."""
    step_in = _mine()
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


def _mine() -> StepIn | None:
    """The stay that goes on, in whichever window."""
    who = actor()
    return db.session.scalar(stepping_in.step_ins_query(who, user_id=who.user_id, going_on=True))


def _address(mailbox_id: uuid.UUID | None) -> str:
    return "" if mailbox_id is None else get_mailbox(actor(), mailbox_id).address


def _found(address: str) -> uuid.UUID | None:
    """The mailbox of that address in this view; what is not there is an error of its field."""
    if not address.strip():
        return None
    mailbox = db.session.scalar(
        scoped(actor(), "mail:read", select(Mailbox), Mailbox.member_id).where(
            Mailbox.address == address.strip().lower(), Mailbox.want != "purge"
        )
    )
    if mailbox is None:
        raise Invalid("mailbox_unknown", field="mailbox")
    return mailbox.id
