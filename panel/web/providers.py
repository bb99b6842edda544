"""Pages on which staff set up the outside providers that people may sign in by."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.identity.outside import redirect_uri
from panel.identity.providers import OutsideProvider, add_provider, change_provider, get_provider, providers_query
from panel.kernel.db import db
from panel.kernel.i18n import _
from panel.web.forms.outside import ProviderForm
from panel.web.session import actor, permission, require_fresh

area = Blueprint("providers", __name__, url_prefix="/providers")


@area.get("/")
@permission("users:read", staff=True)
def show_list() -> ResponseReturnValue:
    """The providers, by name."""
    rows = list(db.session.scalars(providers_query(actor()).order_by(OutsideProvider.name)))
    return render_template("outside/providers.html", providers=rows)


@area.route("/new", methods=["GET", "POST"])
@permission("users:write", staff=True)
@require_fresh
def create() -> ResponseReturnValue:
    """Set a provider up."""
    form = ProviderForm()
    row = form.attempt(
        lambda: add_provider(actor(), issuer=form.issuer.text, client_secret=form.client_secret.text, **form.values())
    )
    if row is not None:
        flash(_("%(name)s is set up.", name=row.name), "success")
        return redirect(url_for("providers.show_list"), 303)
    return render_template("outside/provider.html", form=form, provider=None, back_to=redirect_uri()), form.status


@area.route("/<uuid:provider_id>", methods=["GET", "POST"])
@permission("users:write", staff=True)
@require_fresh
def edit(provider_id: uuid.UUID) -> ResponseReturnValue:
    """Change a provider; its secret stays where none is typed."""
    row = get_provider(actor(), provider_id)
    form = ProviderForm(data=_shown(row))
    if form.attempt(lambda: _change(row, form)) is not None:
        flash(_("Saved."), "success")
        return redirect(url_for("providers.show_list"), 303)
    return render_template("outside/provider.html", form=form, provider=row, back_to=redirect_uri()), form.status


def _shown(row: OutsideProvider) -> dict[str, Any]:
    """What the form shows; the secret is shown to nobody."""
    same = {name: getattr(row, name) for name in ("name", "issuer", "client_id", "for_staff", "active")}
    return same | {"members": "\n".join(one.member.slug for one in row.members)}


def _change(row: OutsideProvider, form: ProviderForm) -> OutsideProvider:
    secret = form.client_secret.text or None
    return change_provider(actor(), row.id, client_secret=secret, active=bool(form.active.data), **form.values())
