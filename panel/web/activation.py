"""The public page on which a mailbox's holder sets the first password by a one-time link.

Looking (GET, HEAD) changes nothing, since scanners open links; only sending the form uses the link up.
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.kernel.errors import NotFound
from panel.mail.activation import activate, activated, find_link
from panel.web.forms.activation import FirstPasswordForm
from panel.web.links import by_link
from panel.web.mail import UNSETTLED
from panel.web.mail_parts import server_of
from panel.web.oneoff import unkept
from panel.web.session import public

area = Blueprint("activation", __name__, url_prefix="/activate")


@area.route("/<token>", methods=["GET", "POST"])
@public
def show(token: str) -> ResponseReturnValue:
    """The form, and what sending it does."""
    mailbox, form = by_link(find_link, token).mailbox, FirstPasswordForm()
    if form.attempt(lambda: activate(token, password=form.password.text)) is not None:
        return redirect(url_for("activation.done", token=token), 303)
    return render_template("activation/form.html", form=form, mailbox=mailbox), form.status


@area.get("/<token>/done")
@public
def done(token: str) -> ResponseReturnValue:
    """How far the mailbox is, and what to enter in a mail program."""
    mailbox = activated(token)
    return render_template(
        "activation/done.html", mailbox=mailbox, server=server_of(mailbox), pending=mailbox.state in UNSETTLED
    )


@area.errorhandler(NotFound)
def not_good(_error: NotFound) -> ResponseReturnValue:
    """Say what may have happened to the link, and whom to ask."""
    return render_template("activation/not_good.html"), 404


@area.after_request
def keep_nothing(response: Response) -> Response:
    """The address is a secret: keep it out of caches and out of ``Referer``."""
    return unkept(response)
