"""A person's own account: rights held, ways to sign in, open sessions, and the proof that it is still the same one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from panel.identity.email_changes import waiting_change
from panel.identity.factors import change_password, has_factor
from panel.identity.passkeys import passkeys_of
from panel.identity.policy import RULES, demand_on, rule_of_role
from panel.identity.proving import prove_by_code, prove_by_passkey, prove_by_password
from panel.identity.recovery_codes import codes_left
from panel.identity.sessions import end_all, end_session, sessions_of
from panel.identity.sign_ins import SignIn, recent_sign_ins, sign_ins_of
from panel.kernel.db import db
from panel.kernel.errors import Invalid
from panel.kernel.i18n import _
from panel.mail.holders import is_served
from panel.members.models import Member
from panel.shapes.orders import SIGN_INS
from panel.web import session
from panel.web.ceremonies import ask_for, challenge_for
from panel.web.forms.sign_in import CodeForm, NewPasswordForm, OwnPasswordForm, PasskeyForm
from panel.web.lists import asked, csv_answer
from panel.web.targets import own_path

area = Blueprint("account", __name__, url_prefix="/account")

SIGN_IN_COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    ("at", attrgetter("at")),
    ("outcome", lambda row: "refused" if row.refused else "signed_in"),
    *((name, attrgetter(name)) for name in ("address", "agent")),
    ("factors", lambda row: ", ".join(row.factors)),
]


@area.get("")
@session.signed_in
def show() -> ResponseReturnValue:
    """Show who one is here, which roles one holds, how one signs in, and from where one did."""
    names = {
        grant.member_id: db.session.get(Member, grant.member_id) for grant in current_user.grants if grant.member_id
    }
    return render_template(
        "account/show.html",
        user=current_user,
        members=names,
        demand=demand_on(current_user),
        rules=[(role, rule_of_role(role)) for role in RULES],
        passkeys=passkeys_of(current_user.id),
        codes_left=codes_left(current_user.id),
        protected=has_factor(current_user),
        sessions=sessions_of(current_user.id),
        here=session.row(),
        new_email=waiting_change(current_user.id),
        served=is_served(current_user.email),
        sign_ins=recent_sign_ins(current_user.id),
    )


@area.route("/confirm", methods=["GET", "POST"])
@session.unready
def confirm() -> ResponseReturnValue:
    """Ask for what one has before something that matters; then go on to where the person was going."""
    if not has_factor(current_user):
        return _confirm_by_password()
    form = CodeForm()
    if form.attempt(lambda: prove_by_code(session.me(), form.code.text, **session.whence())):
        session.rise("totp")
        return redirect(_target())
    return _confirm_page(form)


@area.post("/confirm/options")
@session.signed_in
def passkey_options() -> ResponseReturnValue:
    """What the browser needs to prove one of one's passkeys."""
    return ask_for(current_user, "confirm")


@area.post("/confirm/passkey")
@session.signed_in
def confirm_by_passkey() -> ResponseReturnValue:
    """Take the passkey's answer."""
    form = PasskeyForm()
    try:
        prove_by_passkey(
            current_user, challenge=challenge_for("confirm"), answer=str(form.answer.data or ""), **session.whence()
        )
    except Invalid:
        flash(_("This passkey was not accepted. Try again, or use a code."), "error")
        return redirect(url_for("account.confirm", next=own_path(request.args.get("next"))))
    session.rise("passkey")
    return redirect(_target())


@area.route("/password", methods=["GET", "POST"])
@session.signed_in
@session.require_factor
def password() -> ResponseReturnValue:
    """Set another password; the present one is asked for, and other sessions end."""
    form = NewPasswordForm()
    if form.attempt(lambda: _change_password(form)):
        flash(_("The password is changed. All your other sessions are ended."), "success")
        return redirect(url_for("account.show"))
    return render_template("account/password.html", form=form), form.status if form.is_submitted() else 200


@area.get("/sign-ins")
@session.signed_in
def sign_ins() -> ResponseReturnValue:
    """All tries to sign in to one's account that are kept."""
    listing = asked().read(sign_ins_of(current_user.id), sorts=SIGN_INS, default="-at")
    return render_template("account/sign_ins.html", listing=listing)


@area.get("/sign-ins.csv")
@session.signed_in
def download_sign_ins() -> ResponseReturnValue:
    """The same list as a file."""
    query = sign_ins_of(current_user.id).order_by(SignIn.id.desc())
    return csv_answer(query, SIGN_IN_COLUMNS, name="sign-ins", noted=False)


@area.post("/sessions/<uuid:session_id>/end")
@session.signed_in
def end_one(session_id: uuid.UUID) -> ResponseReturnValue:
    """End one of one's sessions."""
    end_session(session.actor(), session_id)
    flash(_("This session is ended."), "success")
    return redirect(url_for("account.show", _anchor="sessions"))


@area.post("/sessions/end-others")
@session.signed_in
def end_others() -> ResponseReturnValue:
    """End all sessions but this one."""
    end_all(current_user.id, but=session.row().id)
    flash(_("All your other sessions are ended."), "success")
    return redirect(url_for("account.show", _anchor="sessions"))


def _confirm_by_password() -> ResponseReturnValue:
    form = OwnPasswordForm()
    if form.attempt(lambda: prove_by_password(session.me(), form.password.data or "", **session.whence())):
        session.rise(None)
        return redirect(_target())
    return _confirm_page(form)


def _confirm_page(form: CodeForm | OwnPasswordForm) -> ResponseReturnValue:
    page = render_template(
        "account/confirm.html",
        form=form,
        by_code=current_user.tf_totp_secret is not None,
        by_password=isinstance(form, OwnPasswordForm),
        by_passkey=bool(passkeys_of(current_user.id)),
    )
    return page, form.status if form.is_submitted() else 200


def _change_password(form: NewPasswordForm) -> bool:
    prove_by_password(session.me(), form.password.data or "", **session.whence())
    session.rise(None)
    change_password(session.actor(), session.me(), password=form.new_password.text, session_id=session.row().id)
    session.rise(None)
    return True


def _target() -> str:
    """Where to go on, if it is a path of ours; never another site."""
    return own_path(request.args.get("next")) or url_for("account.show")
