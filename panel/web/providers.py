"""Pages on which staff set up the outside providers that people may sign in by."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.identity.outside import redirect_uri, try_provider
from panel.identity.providers import (
    OutsideProvider,
    add_provider,
    change_provider,
    get_provider,
    providers_query,
    remove_provider,
)
from panel.kernel.errors import Conflict
from panel.kernel.i18n import _
from panel.shapes.orders import PROVIDERS
from panel.web.forms.base import PanelForm
from panel.web.forms.outside import ProviderForm
from panel.web.lists import asked, csv_answer
from panel.web.session import actor, permission, require_fresh
from panel.wording import describe

area = Blueprint("providers", __name__, url_prefix="/providers")


COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    *((name, attrgetter(name)) for name in ("name", "issuer", "client_id")),
    ("members", lambda row: ", ".join(sorted(one.member.name for one in row.members))),
    *((name, attrgetter(name)) for name in ("for_staff", "active", "created_at")),
]


@area.get("/")
@permission("users:read", staff=True)
def show_list() -> ResponseReturnValue:
    """The providers, with search and pages."""
    wanted = asked()
    listing = wanted.read(providers_query(actor(), search=wanted.search), sorts=PROVIDERS, default="name")
    return render_template("outside/providers.html", listing=listing)


@area.get("/providers.csv")
@permission("users:read", staff=True)
def download() -> ResponseReturnValue:
    """The same list as a file."""
    query = providers_query(actor(), search=asked().search).order_by(OutsideProvider.name)
    return csv_answer(query, COLUMNS, name="providers")


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


@area.post("/<uuid:provider_id>/try")
@permission("users:write", staff=True)
def try_it(provider_id: uuid.UUID) -> ResponseReturnValue:
    """Ask the provider for its description and its keys, as a sign-in would."""
    try:
        reached = try_provider(actor(), provider_id)
    except Conflict as error:
        flash(describe(error), "error")
    else:
        flash(_("%(name)s answers as it should.", name=reached.provider.name), "success")
    return redirect(url_for("providers.show_list"), 303)


@area.route("/<uuid:provider_id>/remove", methods=["GET", "POST"])
@permission("users:write", staff=True)
@require_fresh
def remove(provider_id: uuid.UUID) -> ResponseReturnValue:
    """Ask whether to take a provider away, and do it."""
    row, form = get_provider(actor(), provider_id), PanelForm()
    if form.attempt(lambda: _removed(provider_id)):
        flash(_("The provider is removed."), "success")
        return redirect(url_for("providers.show_list"), 303)
    return render_template("outside/remove.html", form=form, provider=row), form.status


def _shown(row: OutsideProvider) -> dict[str, Any]:
    """What the form shows; the secret is shown to nobody."""
    same = {name: getattr(row, name) for name in ("name", "issuer", "client_id", "for_staff", "active")}
    return same | {"members": "\n".join(one.member.slug for one in row.members)}


def _change(row: OutsideProvider, form: ProviderForm) -> OutsideProvider:
    secret = form.client_secret.text or None
    return change_provider(actor(), row.id, client_secret=secret, active=bool(form.active.data), **form.values())


def _removed(provider_id: uuid.UUID) -> bool:
    remove_provider(actor(), provider_id)
    return True
