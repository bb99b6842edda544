"""What is shown before it happens, and done once somebody confirmed it: the same for every kind of thing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import current_app, flash, redirect, render_template
from flask.typing import ResponseReturnValue

from panel.kernel.db import utcnow
from panel.web.forms.base import PanelForm


def confirmed(action: Callable[[], object], template: str, *, told: str, to: str, **shown: Any) -> ResponseReturnValue:
    """Show ``template`` with ``shown``, what happens and until ``until`` could be undone; once confirmed do ``action``.

    Afterwards the page is ``to``, with ``told``.
    """
    form = PanelForm()
    if form.attempt(action) is None:
        return render_template(template, form=form, until=utcnow() + grace(), **shown), form.status
    flash(told, "success")
    return redirect(to, 303)


def grace() -> timedelta:
    """How long what was removed can be restored."""
    return timedelta(days=current_app.config["CIS"].grace_days)
