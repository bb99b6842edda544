"""A person's own account: rights held, second factor, and the proof that it is still the same person."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from flask_security.utils import validate_redirect_url
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired

from panel.kernel.db import db
from panel.kernel.i18n import _, _l
from panel.members.models import Member
from panel.web import session

area = Blueprint("account", __name__, url_prefix="/account")


class CodeForm(FlaskForm):
    """The six digits an authenticator app shows."""

    code = StringField(_l("Code from your authenticator app"), validators=[InputRequired(_l("Fill this in."))])


@area.get("")
@session.signed_in
def show():
    """Show who one is here, which roles one holds, and how one signs in."""
    names = {
        grant.member_id: db.session.get(Member, grant.member_id) for grant in current_user.grants if grant.member_id
    }
    return render_template("account/show.html", user=current_user, members=names, fresh=session.is_fresh())


@area.route("/confirm", methods=["GET", "POST"])
@session.signed_in
def confirm():
    """Ask for a fresh code before something that matters; then go on to where the person was going."""
    if not current_user.tf_totp_secret:
        flash(_("Set up a second factor first."), "warning")
        return redirect(url_for("security.two_factor_setup"))
    form = CodeForm()
    if form.validate_on_submit():
        if _is_right(form.code.data or ""):
            session.remember_factor()
            return redirect(_target())
        form.code.errors = [_("This code is not right. Wait for the next one and try again.")]
    return render_template("account/confirm.html", form=form)


def _is_right(code: str) -> bool:
    factory = current_app.extensions["security"].totp_factory
    window = current_app.config["SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY"]
    return bool(
        factory.verify_totp(
            token=code.strip(), totp_secret=current_user.tf_totp_secret, user=current_user, window=window
        )
    )


def _target() -> str:
    """Where to go on, if it is a path of ours; never another site."""
    target = request.args.get("next", "")
    return target if target.startswith("/") and validate_redirect_url(target) else url_for("account.show")
