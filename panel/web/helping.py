"""Helping people who cannot come in: a link for a new password, lost second factors taken away, another e-mail."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.identity.email_changes import ask_for_other, withdraw_change
from panel.identity.lost_factors import remove_lost_factors
from panel.identity.people import person_to_change
from panel.identity.resets import send_reset
from panel.kernel.i18n import _
from panel.web.forms.base import PanelForm
from panel.web.forms.invitations import ReasonForm
from panel.web.forms.own_email import OtherEmailForm
from panel.web.session import actor, permission, require_fresh

area = Blueprint("helping", __name__, url_prefix="/users")


@area.route("/<uuid:user_id>/reset", methods=["GET", "POST"])
@permission("users:write")
def reset(user_id: uuid.UUID) -> ResponseReturnValue:
    """Send a link for a new password, after saying what that means."""
    user, form = person_to_change(actor(), user_id), PanelForm()
    if form.attempt(lambda: send_reset(actor(), user_id)) is not None:
        flash(_("A link for a new password is on its way to %(email)s.", email=user.email), "success")
        return redirect(url_for("users.show", user_id=user_id), 303)
    return render_template("users/reset.html", user=user), form.status


@area.route("/<uuid:user_id>/factors", methods=["GET", "POST"])
@permission("users:write")
@require_fresh
def factors(user_id: uuid.UUID) -> ResponseReturnValue:
    """Take lost second factors away, with a reason that the person reads."""
    user, form = person_to_change(actor(), user_id), ReasonForm()
    if form.attempt(lambda: remove_lost_factors(actor(), user_id, reason=form.reason.text)) is not None:
        flash(_("The second factors are removed. The person has been told."), "success")
        return redirect(url_for("users.show", user_id=user_id), 303)
    return render_template("users/factors.html", user=user, form=form), form.status


@area.route("/<uuid:user_id>/email", methods=["GET", "POST"])
@permission("users:write")
@require_fresh
def email(user_id: uuid.UUID) -> ResponseReturnValue:
    """Another e-mail for a person, who confirms it from there; the present one is told."""
    user, form = person_to_change(actor(), user_id), OtherEmailForm()
    change = form.attempt(lambda: ask_for_other(actor(), user_id, email=form.email.text))
    if change is not None:
        flash(
            _("A link is on its way to %(email)s. Nothing changes before it is opened.", email=change.new_email),
            "success",
        )
        return redirect(url_for("users.show", user_id=user_id), 303)
    return render_template("users/email.html", user=user, form=form), form.status


@area.post("/<uuid:user_id>/email/withdraw")
@permission("users:write")
def keep_email(user_id: uuid.UUID) -> ResponseReturnValue:
    """Void the link to another e-mail."""
    withdraw_change(actor(), user_id)
    flash(_("The e-mail stays as it is; the link to the other one no longer works."), "success")
    return redirect(url_for("users.show", user_id=user_id), 303)
