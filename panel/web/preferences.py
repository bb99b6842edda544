"""What one is told of by mail: the choice of each topic, and what was sent lately."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from panel.kernel.i18n import _
from panel.ledger.messages import Message
from panel.notices.outbox import messages_of
from panel.notices.preferences import preferences_of, set_preferences
from panel.web.forms.preferences import PreferencesForm
from panel.web.lists import asked
from panel.web.session import signed_in
from panel.wording.notices import list_words

area = Blueprint("preferences", __name__, url_prefix="/account/notices")


@area.route("", methods=["GET", "POST"])
@signed_in
def show() -> ResponseReturnValue:
    """Show how one is told of what, and the last messages; keep what one chooses."""
    form = PreferencesForm(data=preferences_of(current_user.id))
    if form.attempt(lambda: _keep(form)):
        flash(_("Saved."), "success")
        return redirect(url_for("preferences.show"), 303)
    listing = asked().read(messages_of(current_user.id), sorts={"at": Message.id}, default="-at")
    return render_template("preferences/show.html", form=form, listing=listing, words=list_words), form.status


def _keep(form: PreferencesForm) -> bool:
    set_preferences(current_user.id, **form.chosen)
    return True
