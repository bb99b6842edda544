"""Pages of child zones that programs change: which there are, a new one, its key once, its end."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.dns import actions, dynamic
from panel.kernel.i18n import _
from panel.web.forms.base import PanelForm
from panel.web.forms.zone_updates import UpdatesForm
from panel.web.oneoff import shown_once
from panel.web.session import actor, permission

area = Blueprint("zone_updates", __name__, url_prefix="/dns/zones/<uuid:zone_id>/updates")


@area.route("", methods=["GET", "POST"])
@permission("dns:write")
def show(zone_id: uuid.UUID) -> ResponseReturnValue:
    """The child zones of a zone, and a form for one more; of such a zone itself, its key."""
    zone, form = actions.get_zone(actor(), zone_id, permission="dns:write"), UpdatesForm()
    key = dynamic.key_of(actor(), zone_id=zone_id)
    opened = form.attempt(lambda: dynamic.open_updates(actor(), zone_id=zone_id, host=form.host.text or "@"))
    if opened is not None:
        return shown_once("zones/updates_key.html", opened=opened, new=True)
    children = [] if zone.updates else dynamic.update_zones(actor(), zone_id=zone_id)
    return render_template("zones/updates.html", zone=zone, form=form, key=key, children=children), form.status


@area.route("/renew", methods=["GET", "POST"])
@permission("dns:write")
def renew(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Another key, shown once."""
    zone, form = actions.get_zone(actor(), zone_id, permission="dns:write"), PanelForm()
    opened = form.attempt(lambda: dynamic.renew_key(actor(), zone_id=zone_id))
    if opened is not None:
        return shown_once("zones/updates_key.html", opened=opened, new=False)
    return render_template("zones/updates_renew.html", zone=zone, form=form), form.status


@area.route("/revoke", methods=["GET", "POST"])
@permission("dns:write")
def revoke(zone_id: uuid.UUID) -> ResponseReturnValue:
    """No key that anybody has."""
    zone, form = actions.get_zone(actor(), zone_id, permission="dns:write"), PanelForm()
    if form.attempt(lambda: dynamic.revoke_key(actor(), zone_id=zone_id)) is not None:
        flash(_("The key is being revoked: no program can change the zone any more."), "success")
        return redirect(url_for("zone_updates.show", zone_id=zone_id), 303)
    return render_template("zones/updates_revoke.html", zone=zone, form=form), form.status


@area.route("/close", methods=["GET", "POST"])
@permission("dns:write")
def close(zone_id: uuid.UUID) -> ResponseReturnValue:
    """The end of the child zone and its key."""
    zone, form = actions.get_zone(actor(), zone_id, permission="dns:write"), PanelForm()
    if form.attempt(lambda: dynamic.close_updates(actor(), zone_id=zone_id)) is not None:
        flash(_("The zone for programs and its key are being taken away."), "success")
        return redirect(url_for("zones.show_list"), 303)
    return render_template("zones/updates_close.html", zone=zone, form=form), form.status
