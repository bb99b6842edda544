"""Public pages for a forgotten password: asking for a link, and setting a new one by it.

Asking is answered the same for everybody. Looking at a link changes nothing; only sending the form uses it up.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.identity.resets import ask_for_reset, find_reset, reset_password
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.web.forms.activation import FirstPasswordForm
from panel.web.forms.invitations import AskForm
from panel.web.links import by_link
from panel.web.oneoff import unkept
from panel.web.session import public
from panel.web.sign_in_limits import know_browser

area = Blueprint("resets", __name__, url_prefix="/reset")


@area.route("", methods=["GET", "POST"])
@public
def ask() -> ResponseReturnValue:
    """Ask for a link."""
    form = AskForm()
    if form.attempt(lambda: _asked(form.email.text)):
        return render_template("reset/asked.html")
    return render_template("reset/ask.html", form=form), form.status


@area.route("/<token>", methods=["GET", "POST"])
@public
def show(token: str) -> ResponseReturnValue:
    """Set a new password by a link."""
    found, form = by_link(find_reset, token), FirstPasswordForm()
    user = form.attempt(lambda: reset_password(token, password=form.password.text))
    if user is not None:
        know_browser(user.email)
        flash(_("Your new password is set. Sign in with it."), "success")
        return redirect(url_for("security.login"), 303)
    return render_template("reset/form.html", form=form, email=found.user.email if found.user else ""), form.status


@area.errorhandler(NotFound)
def not_good(_error: NotFound) -> ResponseReturnValue:
    """Say what may have happened to the link, and what to do."""
    return render_template("reset/not_good.html"), 404


@area.after_request
def keep_nothing(response: Response) -> Response:
    """The address is a secret: keep it out of caches and out of ``Referer``."""
    return unkept(response)


def _asked(email: str) -> bool:
    ask_for_reset(email, address=request.remote_addr)
    return True
