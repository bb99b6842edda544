"""One's own factors: authenticator app, passkeys, recovery codes. Each change asks for what one has already."""

from __future__ import annotations

import uuid

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

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
from panel.web.session import actor, require_fresh, require_proven, rise, row, signed_in, unready
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
    if form.attempt(lambda: _set_up(stored, form.code.text)):
        session.pop(_NEW_SECRET, None)
        flash(_("The authenticator app is set up. From now on the panel asks for its code."), "success")
        return _onward("totp")
    shown = shown_totp(stored, current_user.email)
    page = render_template("account/second_factor.html", form=form, shown=shown, demand=demand_on(current_user))
    return page, form.status if form.is_submitted() else 200


@area.route("/second-factor/remove", methods=["GET", "POST"])
@signed_in
@require_fresh
def remove_totp() -> ResponseReturnValue:
    """Ask whether to take the authenticator app away, and do it."""
    form = PanelForm()
    if form.attempt(_remove_totp):
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
            actor(), current_user, challenge=challenge_for("new"), answer=str(form.answer.data or ""),
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
    return ask_for_new(current_user)


@area.route("/passkeys/<uuid:key_id>", methods=["GET", "POST"])
@signed_in
def rename_passkey(key_id: uuid.UUID) -> ResponseReturnValue:
    """Call a passkey otherwise."""
    key = _key(key_id)
    form = PasskeyNameForm(name=key.name)
    if form.attempt(lambda: factors.rename_key(actor(), current_user, key_id, name=form.name.text) or True):
        flash(_("The name is changed."), "success")
        return redirect(url_for("account.show"))
    return render_template("account/rename_passkey.html", form=form, key=key), form.status


@area.route("/passkeys/<uuid:key_id>/remove", methods=["GET", "POST"])
@signed_in
@require_fresh
def remove_passkey(key_id: uuid.UUID) -> ResponseReturnValue:
    """Ask whether to take a passkey away, and do it."""
    key, form = _key(key_id), PanelForm()
    if form.attempt(lambda: factors.remove_key(actor(), current_user, key_id, session_id=row().id) or True):
        flash(_("The passkey is removed."), "success")
        return redirect(url_for("account.show"))
    return render_template("account/remove_passkey.html", form=form, key=key), form.status


@area.route("/recovery-codes", methods=["GET", "POST"])
@signed_in
@require_fresh
def recovery_codes() -> ResponseReturnValue:
    """Say what the codes are for; make them, and show them this once."""
    form = PanelForm()
    codes = form.attempt(lambda: make_codes(actor(), current_user))
    if codes is not None:
        return shown_once("account/recovery_codes.html", codes=codes, form=None)
    return render_template("account/recovery_codes.html", codes=None, form=form, left=codes_left(current_user.id))


def _set_up(stored: str, code: str) -> bool:
    factors.set_up_totp(actor(), current_user, stored=stored, code=code, session_id=row().id)
    return True


def _remove_totp() -> bool:
    factors.remove_totp(actor(), current_user, session_id=row().id)
    return True


def _onward(factor: str) -> ResponseReturnValue:
    """After a factor was proved by setting it up: offer recovery codes to who has none, else go where one was going."""
    rise(factor)
    if codes_left(current_user.id) == 0:
        return redirect(url_for("factors.recovery_codes"))
    return redirect(own_path(request.args.get("next")) or url_for("account.show"))


def _key(key_id: uuid.UUID) -> Passkey:
    found = next((key for key in passkeys_of(current_user.id) if key.id == key_id), None)
    return found or abort(404)
