"""The second step of signing in: a code, a passkey or a recovery code; or a passkey alone that knows its owner."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.identity.limits import address_key, attempt, forget
from panel.identity.models import User
from panel.identity.passkeys import check_passkey, passkeys_of
from panel.identity.proving import prove_by_code, prove_by_passkey, prove_by_recovery_code
from panel.identity.recovery_codes import codes_left
from panel.kernel.errors import Invalid
from panel.kernel.i18n import _
from panel.web.ceremonies import ask_for, challenge_for
from panel.web.entering import finish, pending
from panel.web.forms.sign_in import CodeForm, PasskeyForm, RecoveryForm
from panel.web.session import address, public, whence

area = Blueprint("second_step", __name__, url_prefix="/login")


@area.route("/code", methods=["GET", "POST"])
@public
def show() -> ResponseReturnValue:
    """Ask for the code of the authenticator app, or offer what else the person has."""
    waiting = pending()
    if waiting is None:
        return redirect(url_for("security.login"))
    user, via, target = waiting
    form = CodeForm()
    if form.attempt(lambda: prove_by_code(user, form.code.text, **whence())):
        return finish(user, [via, "totp"], target=target)
    return _page(user, form), form.status if form.is_submitted() else 200


@area.route("/recovery", methods=["GET", "POST"])
@public
def recover() -> ResponseReturnValue:
    """Ask for one of the recovery codes."""
    waiting = pending()
    if waiting is None:
        return redirect(url_for("security.login"))
    user, via, target = waiting
    form = RecoveryForm()
    if form.attempt(lambda: prove_by_recovery_code(user, form.code.text, **whence())):
        flash(_("This recovery code is used up. Set up your phone or passkey anew."), "warning")
        return finish(user, [via, "recovery_code"], target=target)
    return render_template("sign_in/recovery.html", form=form), form.status if form.is_submitted() else 200


@area.post("/passkey/options")
@public
def options() -> ResponseReturnValue:
    """What the browser needs: for the person who waits here, else for anybody with a passkey of ours."""
    waiting = pending()
    return ask_for(waiting[0] if waiting else None, "sign-in")


@area.post("/passkey")
@public
def passkey() -> ResponseReturnValue:
    """Take the passkey's answer: as the second factor, or as both where it verified its holder."""
    form = PasskeyForm()
    if not form.validate_on_submit():
        abort(400)
    challenge, answer, waiting = challenge_for("sign-in"), str(form.answer.data or ""), pending()
    try:
        if waiting is not None:
            user, via, target = waiting
            prove_by_passkey(user, challenge=challenge, answer=answer, **whence())
            return finish(user, [via, "passkey"], target=target)
        return finish(_holder(challenge, answer), ["passkey"], target=request.form.get("next"))
    except Invalid:
        flash(_("This passkey was not accepted. Try again, or sign in another way."), "error")
        return redirect(url_for("second_step.show" if waiting else "security.login"))


def _holder(challenge: str, answer: str) -> User:
    """Whose passkey answered. Tries are counted by address: there is no account to count at. Raises Invalid."""
    key = address_key(address())
    attempt("passkey", key)
    row, _verified = check_passkey(challenge=challenge, answer=answer, user=None)
    forget("passkey", key)
    return row.user


def _page(user: User, form: CodeForm) -> str:
    return render_template(
        "sign_in/code.html",
        form=form,
        by_passkey=bool(passkeys_of(user.id)),
        by_code=user.tf_totp_secret is not None,
        by_recovery=codes_left(user.id) > 0,
    )
