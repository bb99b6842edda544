"""Leaving for an outside provider and coming back: to sign in, to link one's account, to accept an invitation."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from panel.identity.accepting import find_invitation
from panel.identity.limits import address_key, attempt, give_back, network_of
from panel.identity.outside import CALLBACK, Somebody, come_back, leave
from panel.identity.outside_accounts import account_of, join, link_account, links_of, unlink_account
from panel.identity.providers import OutsideProvider, open_providers, providers_for
from panel.kernel.errors import Conflict, NotFound
from panel.kernel.i18n import _
from panel.web.entering import enter
from panel.web.links import by_link
from panel.web.oneoff import unkept
from panel.web.session import actor, is_signed_in, public, require_fresh, signed_in
from panel.web.targets import own_path
from panel.wording import describe

area = Blueprint("outside", __name__)
_KEPT = "cis_outside"
_WHAT = "outside"


@area.get("/outside/<uuid:provider_id>/sign-in")
@public
def sign_in(provider_id: uuid.UUID) -> ResponseReturnValue:
    """Leave to sign in; ``?next=`` is where to end."""
    return _leave(provider_id, "sign_in", target=own_path(request.args.get("next")))


@area.get("/outside/<uuid:provider_id>/link")
@signed_in
@require_fresh
def link(provider_id: uuid.UUID) -> ResponseReturnValue:
    """Leave to link the account that is signed in."""
    return _leave(provider_id, "link", str(current_user.id))


@area.get("/invitations/<token>/with/<uuid:provider_id>")
@public
def accept(token: str, provider_id: uuid.UUID) -> ResponseReturnValue:
    """Leave to accept an invitation without a password."""
    by_link(find_invitation, token)
    return _leave(provider_id, "join", token)


@area.get(CALLBACK)
@public
def callback() -> ResponseReturnValue:
    """Come back, and do what one left for."""
    here = address_key(request.remote_addr)
    attempt(_WHAT, here)
    somebody = come_back(session.pop(_KEPT, None), request.args)
    done = {"sign_in": _signed_in, "link": _linked, "join": _joined}[somebody.pending.purpose](somebody)
    give_back(_WHAT, here)
    return done


@area.get("/account/outside")
@signed_in
def show() -> ResponseReturnValue:
    """The providers by which one signs in, or may."""
    links = links_of(current_user.id)
    linked = {one.provider_id for one in links}
    free = [row for row in providers_for(current_user) if row.id not in linked]
    return render_template("outside/account.html", links=links, free=free)


@area.post("/account/outside/<uuid:link_id>/remove")
@signed_in
@require_fresh
def unlink(link_id: uuid.UUID) -> ResponseReturnValue:
    """Take a link away."""
    unlink_account(actor(), link_id)
    flash(_("That way of signing in is removed."), "success")
    return redirect(url_for("outside.show"), 303)


@area.errorhandler(Conflict)
def failed(error: Conflict) -> ResponseReturnValue:
    """Say what went wrong, and how else one gets in."""
    return render_template("outside/failed.html", words=describe(error)), 409


@area.after_request
def keep_nothing(response: Response) -> Response:
    """The addresses hold codes: keep them out of caches and out of ``Referer``."""
    return unkept(response)


@area.app_template_global()
def outside_providers() -> list[OutsideProvider]:
    """The providers that the sign-in page offers."""
    return open_providers()


def _leave(
    provider_id: uuid.UUID, purpose: str, subject_of: str = "", *, target: str | None = None
) -> ResponseReturnValue:
    if not is_signed_in():  # whoever is nobody here makes us ask the provider something: not without end
        attempt(_WHAT, f"leave:{network_of(request.remote_addr)}")
    url, pending = leave(_provider(provider_id), purpose=purpose, subject_of=subject_of, target=target)
    session[_KEPT] = pending.kept()
    return redirect(url, 303)


def _provider(provider_id: uuid.UUID) -> OutsideProvider:
    row = next((one for one in open_providers() if one.id == provider_id), None)
    if row is None:
        raise NotFound("not_found")
    return row


def _signed_in(somebody: Somebody) -> ResponseReturnValue:
    return enter(account_of(somebody), via="outside", target=somebody.pending.target)


def _linked(somebody: Somebody) -> ResponseReturnValue:
    link_account(actor(), somebody)
    flash(_("From now on you can sign in by %(name)s too.", name=somebody.provider.name), "success")
    return redirect(url_for("outside.show"), 303)


def _joined(somebody: Somebody) -> ResponseReturnValue:
    invitation = by_link(find_invitation, somebody.pending.subject_of)
    name = invitation.name or invitation.email.partition("@")[0]
    return enter(join(somebody, name=name), via="outside")
