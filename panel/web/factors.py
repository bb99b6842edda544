"""One's own factors: authenticator app, passkeys, recovery codes. Each change asks for what one has already."""

from __future__ import annotations

import uuid

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from panel.identity import factors
from panel.identity.passkeys import Passkey, passkeys_of
from panel.identity.policy import demand_on
from panel.identity.recovery_codes import codes_left, make_codes
from panel.identity.second_factor import new_totp, shown_totp
from panel.kernel.i18n import _
from panel.web.ceremonies import ask_for_new, challenge_for
from panel.web.forms.base import PanelForm
from panel.web.forms.sign_in import CodeForm, NewPasskeyForm, PasskeyNameForm
from panel.web.oneoff import shown_once
from panel.web.session import actor, me, require_fresh, require_proven, rise, row, signed_in, unready
from panel.web.targets import own_path

area = Blueprint("factors", __name__, url_prefix="/account")

_NEW_SECRET = "cis_new_totp"  # noqa: S105 - the name under which a cookie holds one, encrypted


@area.route("/second-factor", methods=["GET", "POST"])
@unready
@require_proven
def set_up() -> ResponseReturnValue:
    """Show the secret for an authenticator app, and take it once a code proved that the app has it."""
    stored = session.get(_NEW_SECRET) or new_totp(current_app.config["CIS"]).stored
    session[_NEW_SECRET] = stored
    form = CodeForm()
    if form.attempt(
        lambda: factors.set_up_totp(actor(), me(), stored=stored, code=form.code.text, session_id=row().id)
    ):
        session.pop(_NEW_SECRET, None)
        flash(_("The authenticator app is set up. From now on the panel asks for its code."), "success")
        return _onward("totp")
    shown = shown_totp(stored, me().email)
    page = render_template("account/second_factor.html", form=form, shown=shown, demand=demand_on(me()))
    return page, form.status if form.is_submitted() else 200


@area.route("/second-factor/remove", methods=["GET", "POST"])
@signed_in
@require_fresh
def remove_totp() -> ResponseReturnValue:
    """Ask whether to take the authenticator app away, and do it."""
    form = PanelForm()
    if form.attempt(lambda: factors.remove_totp(actor(), me(), session_id=row().id)):
        flash(_("The authenticator app is removed."), "success")
        return redirect(url_for("account.show"))
    return render_template("account/remove_totp.html", form=form), form.status


@area.route("/passkeys/new", methods=["GET", "POST"])
@unready
@require_proven
def add_passkey() -> ResponseReturnValue:
    """Make a passkey with this device or a key plugged into it."""
    form = NewPasskeyForm()
    added = form.attempt(
        lambda: factors.add_key(
            actor(), me(), challenge=challenge_for("new"), answer=str(form.answer.data or ""),
            name=form.name.text, session_id=row().id,
        )
    )  # fmt: skip
    if added is not None:
        flash(_("The passkey is set up."), "success")
        return _onward("passkey")
    return render_template("account/add_passkey.html", form=form), form.status if form.is_submitted() else 200


@area.post("/passkeys/options")
@unready
@require_proven
def passkey_options() -> ResponseReturnValue:
    """What the browser needs to make one."""
    return ask_for_new(me())


@area.route("/passkeys/<uuid:key_id>", methods=["GET", "POST"])
@signed_in
def rename_passkey(key_id: uuid.UUID) -> ResponseReturnValue:
    """Call a passkey otherwise."""
    key = _key(key_id)
    form = PasskeyNameForm(name=key.name)
    if form.attempt(lambda: factors.rename_key(actor(), me(), key_id, name=form.name.text)):
        flash(_("The name is changed."), "success")
        return redirect(url_for("account.show"))
    return render_template("account/rename_passkey.html", form=form, key=key), form.status


@area.route("/passkeys/<uuid:key_id>/remove", methods=["GET", "POST"])
@signed_in
@require_fresh
def remove_passkey(key_id: uuid.UUID) -> ResponseReturnValue:
    """Ask whether to take a passkey away, and do it."""
    key, form = _key(key_id), PanelForm()
    if form.attempt(lambda: factors.remove_key(actor(), me(), key_id, session_id=row().id)):
        flash(_("The passkey is removed."), "success")
        return redirect(url_for("account.show"))
    return render_template("account/remove_passkey.html", form=form, key=key), form.status


@area.route("/recovery-codes", methods=["GET", "POST"])
@signed_in
@require_fresh
def recovery_codes() -> ResponseReturnValue:
    """Say what the codes are for; make them, and show them this once."""
    form = PanelForm()
    codes = form.attempt(lambda: make_codes(actor(), me()))
    if codes is not None:
        return shown_once("account/recovery_codes.html", codes=codes, form=None)
    return render_template("account/recovery_codes.html", codes=None, form=form, left=codes_left(me().id))


def _onward(factor: str) -> ResponseReturnValue:
    """After a factor was proved by setting it up: offer recovery codes to who has none, else go where one was going."""
    rise(factor)
    if codes_left(me().id) == 0:
        return redirect(url_for("factors.recovery_codes"))
    return redirect(own_path(request.args.get("next")) or url_for("account.show"))


def _key(key_id: uuid.UUID) -> Passkey:
    found = next((key for key in passkeys_of(me().id) if key.id == key_id), None)
    return found or abort(404)
