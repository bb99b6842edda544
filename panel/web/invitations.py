"""Pages of invitations for those who invite: the list, a new one, sending again, taking back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select

from panel.identity.invitations import (
    STATES,
    Invitation,
    get_invitation,
    invitations_query,
    invite,
    resend_invitation,
    withdraw_invitation,
)
from panel.kernel.i18n import _
from panel.shapes.orders import INVITATIONS
from panel.web.asked_id import asked_id
from panel.web.forms.invitations import InvitationForm
from panel.web.lists import Asked, asked, csv_answer
from panel.web.session import actor, permission
from panel.wording import role_word, state_word

area = Blueprint("invitations", __name__, url_prefix="/invitations")


COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    *((name, attrgetter(name)) for name in ("email", "name")),
    ("role", lambda row: role_word(row.role)),
    ("member", lambda row: row.member.name if row.member else ""),
    *((name, attrgetter(name)) for name in ("state", "inviter_name", "created_at", "expires_at")),
    *((name, attrgetter(name)) for name in ("accepted_at", "withdrawn_at")),
]


@area.get("/")
@permission("users:read")
def show_list() -> ResponseReturnValue:
    """Invitations in scope, with search, chips and pages."""
    wanted = asked("state")
    listing = wanted.read(_query(wanted), sorts=INVITATIONS, default="-created_at")
    words = [(one, state_word(one, family="invitation")) for one in STATES]
    return render_template("invitations/list.html", listing=listing, state_words=words)


@area.get("/invitations.csv")
@permission("users:read")
def download() -> ResponseReturnValue:
    """The same list as a file; no link is in it."""
    return csv_answer(_query(asked("state")).order_by(Invitation.id), COLUMNS, name="invitations")


@area.route("/new", methods=["GET", "POST"])
@permission("users:invite")
def create() -> ResponseReturnValue:
    """Invite somebody, to ``?member=`` where it is given."""
    who = actor()
    if _must_confirm():
        return redirect(url_for("account.confirm", next=request.full_path.rstrip("?")))
    form = InvitationForm(data={"member_id": asked_id("member") or _only_member()})
    form.offer(who)
    row = form.attempt(lambda: invite(who, **form.values()))
    if row is not None:
        flash(_("The invitation is on its way to %(email)s.", email=row.email), "success")
        return redirect(url_for("invitations.show_list"), 303)
    return render_template("invitations/new.html", form=form), form.status


@area.post("/<uuid:invitation_id>/resend")
@permission("users:invite")
def resend(invitation_id: uuid.UUID) -> ResponseReturnValue:
    """Send a new link; older ones are void."""
    if _must_confirm():
        return redirect(url_for("account.confirm", next=url_for("invitations.show_list")))
    row = resend_invitation(actor(), invitation_id)
    flash(_("A new link is on its way to %(email)s; the earlier one no longer works.", email=row.email), "success")
    return redirect(url_for("invitations.show_list"), 303)


@area.get("/<uuid:invitation_id>/withdraw")
@permission("users:invite")
def ask_withdraw(invitation_id: uuid.UUID) -> ResponseReturnValue:
    """Say what taking it back means."""
    return render_template("invitations/withdraw.html", invitation=get_invitation(actor(), invitation_id))


@area.post("/<uuid:invitation_id>/withdraw")
@permission("users:invite")
def withdraw(invitation_id: uuid.UUID) -> ResponseReturnValue:
    """Take an invitation back."""
    row: Invitation = withdraw_invitation(actor(), invitation_id)
    flash(_("The invitation of %(email)s is withdrawn.", email=row.email), "success")
    return redirect(url_for("invitations.show_list"), 303)


def _query(wanted: Asked) -> Select[Invitation]:
    state = wanted.filter("state")
    return invitations_query(
        actor(), search=wanted.search, state=state if state in STATES else None, member_id=asked_id("member")
    )


def _must_confirm() -> bool:
    """Whether a fresh factor is asked for first: of those who can give roles on the whole association."""
    return actor().may_everywhere("users:invite") and not actor().fresh


def _only_member() -> uuid.UUID | None:
    """The member of somebody who has rights on one only."""
    found = {grant.member_ids for grant in actor().grants}
    members = next(iter(found)) if len(found) == 1 else None
    return next(iter(members)) if members is not None and len(members) == 1 else None
