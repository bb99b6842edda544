"""The page of somebody who has a mailbox and nothing else: how it is, and another password."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.mail.holders import change_own_password, come_in, own_mailbox
from panel.mail.models import Mailbox
from panel.mail.use import known_since, level_of
from panel.web import holding
from panel.web.forms.own_mailbox import ComeInForm, OwnPasswordForm
from panel.web.mail_parts import server_of
from panel.web.oneoff import unkept
from panel.web.session import holder, public

area = Blueprint("own_mailbox", __name__, url_prefix="/mailbox")


@area.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Address and password of the mailbox."""
    form = ComeInForm()
    mailbox = form.attempt(lambda: come_in(form.address.text, form.password.text, network=request.remote_addr))
    if mailbox is None:
        return render_template("own_mailbox/sign_in.html", form=form), form.status
    return holding.begin(make_response(redirect(url_for("own_mailbox.show"), 303)), mailbox)


@area.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """Out again."""
    return holding.end(make_response(redirect(url_for("own_mailbox.sign_in"), 303)))


@area.get("/")
@holder
def show() -> ResponseReturnValue:
    """How the mailbox is, and what to enter in a mail program."""
    mailbox = _own()
    level, since = level_of(mailbox.used_mb, mailbox.quota_mb), known_since(mailbox)
    return _page("own_mailbox/show.html", mailbox, level=level, since=since)


@area.route("/password", methods=["GET", "POST"])
@holder
def password() -> ResponseReturnValue:
    """Another password, after the old one; whoever is signed in by the old one is signed out, here too but for this."""
    form, who = OwnPasswordForm(), holding.holder()
    assert who is not None  # noqa: S101 - the route's declaration let nobody else in
    done = form.attempt(
        lambda: change_own_password(who, old=form.old.text, password=form.password.text, network=request.remote_addr)
    )
    if done is None:
        return _page("own_mailbox/password.html", _own(), form=form), form.status
    flash(_("The new password is set. Enter it in your mail programs too."), "success")
    return holding.begin(make_response(redirect(url_for("own_mailbox.show"), 303)), _own())


@area.after_request
def keep_nothing(response: Response) -> Response:
    """Keep these pages out of caches."""
    return unkept(response)


def _own() -> Mailbox:
    who = holding.holder()
    if who is None:
        raise NotFound("not_found")
    return own_mailbox(who)


def _page(template: str, mailbox: Mailbox, **values: object) -> Response:
    """The page, with the cookie good for another while."""
    page = make_response(render_template(template, mailbox=mailbox, server=server_of(mailbox), **values))
    return holding.keep(page)
