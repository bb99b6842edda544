"""Pages of another address to sign in by: asking for it, confirming it from there, undoing it from the old one.

Looking at a link changes nothing, since scanners open links; only sending its form uses it up.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.identity import email_changes
from panel.identity.addresses import EmailChange
from panel.identity.email_changes import find_change, find_undo
from panel.identity.proving import prove_by_password
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.mail.holders import is_served
from panel.web import session
from panel.web.forms.activation import FirstPasswordForm
from panel.web.forms.base import PanelForm
from panel.web.forms.own_email import OwnEmailForm
from panel.web.links import by_link
from panel.web.oneoff import unkept
from panel.web.sign_in_limits import know_browser

area = Blueprint("own_email", __name__)


@area.route("/account/email", methods=["GET", "POST"])
@session.signed_in
@session.require_factor
def ask() -> ResponseReturnValue:
    """Another address for oneself, after the present password."""
    form = OwnEmailForm()
    change = form.attempt(lambda: _asked(form))
    if change is None:
        me = session.me()
        return render_template(
            "own_email/ask.html", form=form, email=me.email, has_password=me.password is not None
        ), form.status
    flash(_("A link is on its way to %(email)s. Open it there to confirm.", email=change.new_email), "success")
    return redirect(url_for("account.show"), 303)


@area.post("/account/email/withdraw")
@session.signed_in
def withdraw() -> ResponseReturnValue:
    """Keep the present address: the link to the other one is void."""
    email_changes.withdraw_change(session.actor(), session.me().id)
    flash(_("Your e-mail stays as it is; the link to the other one no longer works."), "success")
    return redirect(url_for("account.show"), 303)


@area.route("/email/<token>", methods=["GET", "POST"])
@session.public
def confirm(token: str) -> ResponseReturnValue:
    """Confirm the new address: signed in as oneself, or by the link alone where whoever looks after one asked."""
    change, form = by_link(find_change, token), PanelForm()
    me = session.me().id if session.is_signed_in() else None
    if email_changes.is_own(change) and me != change.user_id:
        return render_template("own_email/sign_in_first.html", change=change, signed_in=me is not None)
    user = form.attempt(lambda: email_changes.confirm_change(token, by=me))
    if user is None:
        served = is_served(change.new_email)
        return render_template("own_email/confirm.html", form=form, change=change, served=served), form.status
    know_browser(user.email)
    flash(_("From now on you sign in by %(email)s.", email=user.email), "success")
    return redirect(url_for("account.show" if me == user.id else "security.login"), 303)


@area.route("/email/undo/<token>", methods=["GET", "POST"])
@session.public
def undo(token: str) -> ResponseReturnValue:
    """Put the old address back, with a new password."""
    change, form = by_link(find_undo, token), FirstPasswordForm()
    user = form.attempt(lambda: email_changes.undo_change(token, password=form.password.text))
    if user is None:
        return render_template("own_email/undo.html", form=form, change=change), form.status
    know_browser(user.email)
    flash(_("Your earlier e-mail is back and your new password is set. Sign in with them."), "success")
    return redirect(url_for("security.login"), 303)


@area.errorhandler(NotFound)
def not_good(_error: NotFound) -> ResponseReturnValue:
    """Say what may have happened to the link."""
    return render_template("own_email/not_good.html"), 404


@area.after_request
def keep_nothing(response: Response) -> Response:
    """The address of a link is a secret: keep it out of caches and out of ``Referer``."""
    return unkept(response)


def _asked(form: OwnEmailForm) -> EmailChange:
    prove_by_password(session.me(), form.password.data or "", **session.whence())
    session.rise(None)
    return email_changes.ask_for_change(
        session.actor(), session.me(), email=form.email.text, session_id=session.row().id, address=request.remote_addr
    )
