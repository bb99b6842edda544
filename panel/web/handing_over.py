"""Handing one's own role on a member over to a successor."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.identity.handing_over import hand_over, has_own_role
from panel.kernel.access import require
from panel.kernel.i18n import _
from panel.members.actions import get_member
from panel.web.forms.handing_over import HandOverForm
from panel.web.session import actor, permission, require_fresh

area = Blueprint("handing_over", __name__, url_prefix="/members/<uuid:member_id>/hand-over")


@area.route("", methods=["GET", "POST"])
@permission("users:write")
@require_fresh
def show(member_id: uuid.UUID) -> ResponseReturnValue:
    """Name the successor and one's own last day, and do it."""
    require(actor(), "users:write", member_id)
    member, form = get_member(actor(), member_id), HandOverForm()
    done: list[bool] = []

    def attempt() -> bool:
        done.append(hand_over(actor(), member_id, **form.values()) is None)
        return True

    if form.attempt(attempt) is None:
        mine = has_own_role(actor(), member_id)
        return render_template("handing_over/show.html", form=form, member=member, mine=mine), form.status
    told = _("The successor has the role. Yours ends on the day you gave.")
    waits = _("An invitation was sent. Your role ends on the day you gave, once the successor has accepted.")
    flash(told if done[0] else waits, "success")
    return redirect(url_for("members.show", member_id=member_id), 303)
