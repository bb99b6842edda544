"""The public page behind an invitation's link: a new account, or the role for the account that is signed in.

Looking (GET, HEAD) changes nothing, since scanners open links; only sending a form uses the link up.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from panel.identity.accepting import accept_as, accept_as_new, find_invitation, has_account
from panel.identity.invitations import Invitation
from panel.identity.providers import allows_member, open_providers
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.web.forms.base import PanelForm
from panel.web.forms.invitations import NewAccountForm
from panel.web.links import by_link
from panel.web.oneoff import unkept
from panel.web.session import is_signed_in, public
from panel.web.sign_in_limits import know_browser

area = Blueprint("joining", __name__, url_prefix="/invitations")


@area.route("/<token>", methods=["GET", "POST"])
@public
def show(token: str) -> ResponseReturnValue:
    """What is offered, and the form that fits whoever looks at it."""
    invitation = by_link(find_invitation, token)
    if is_signed_in():
        return _for_signed_in(invitation, token)
    if has_account(invitation):
        return render_template("invitations/sign_in_first.html", invitation=invitation)
    return _for_newcomer(invitation, token)


def _for_newcomer(invitation: Invitation, token: str) -> ResponseReturnValue:
    form = NewAccountForm(data={"name": invitation.name})
    user = form.attempt(lambda: accept_as_new(token, name=form.name.text, password=form.password.text))
    if user is not None:
        know_browser(user.email)
        flash(_("Your account is ready. Sign in with %(email)s.", email=user.email), "success")
        return redirect(url_for("security.login"), 303)
    providers = [row for row in open_providers() if allows_member(row, invitation.member_id)]
    return render_template(
        "invitations/join.html", form=form, invitation=invitation, providers=providers, token=token
    ), form.status


def _for_signed_in(invitation: Invitation, token: str) -> ResponseReturnValue:
    form = PanelForm()
    mine = current_user.email == invitation.email
    if mine and form.attempt(lambda: accept_as(current_user.id, token)) is not None:
        flash(_("The role is yours."), "success")
        return redirect(url_for("account.show"), 303)
    return render_template("invitations/take.html", form=form, invitation=invitation, mine=mine), form.status


@area.errorhandler(NotFound)
def not_good(_error: NotFound) -> ResponseReturnValue:
    """Say what may have happened to the link, and whom to ask."""
    return render_template("invitations/not_good.html"), 404


@area.after_request
def keep_nothing(response: Response) -> Response:
    """The address is a secret: keep it out of caches and out of ``Referer``."""
    return unkept(response)
