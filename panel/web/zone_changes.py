"""Pages that change a zone as a whole: proof of its name, signing, times, its end."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.dns import actions, proving
from panel.dns.models import Zone
from panel.kernel.i18n import _
from panel.web.confirming import confirmed
from panel.web.forms.base import PanelForm
from panel.web.forms.zones import ForceForm, ReasonForm, SoaForm, SoaRow
from panel.web.session import actor, permission
from panel.web.zone_parts import parent_words
from panel.web.zone_steps import done
from panel.wording.domain_names import finding_words

area = Blueprint("zone", __name__, url_prefix="/dns/zones/<uuid:zone_id>")


@area.post("/proof")
@permission("dns:write")
def check_proof(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Look at once whether the name's owner put the text there."""
    form = PanelForm()
    proof = form.attempt(lambda: proving.ask_now(actor(), zone_id=zone_id))
    if proof is None:
        flash(" ".join(str(text) for text in form.form_errors) or _("Reload the page and try again."), "warning")
    elif proof.state == "waiting":
        flash(finding_words(proof.finding), "warning")
    else:
        flash(_("The name is shown to be yours. The zone is on its way to the name servers."), "success")
    return redirect(url_for("zones.show", zone_id=zone_id), 303)


@area.route("/vouch", methods=["GET", "POST"])
@permission("dns:vouch")
def vouch(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Say that the name is its member's, and why."""
    zone, form = actions.get_zone(actor(), zone_id, permission="dns:vouch"), ReasonForm()
    if form.attempt(lambda: proving.vouch(actor(), zone_id=zone_id, reason=form.reason.text)) is None:
        return render_template("zones/vouch.html", zone=zone, form=form), form.status
    return _to(zone_id, _("The name counts as the member's. The zone is on its way to the name servers."))


@area.route("/dnssec", methods=["GET", "POST"])
@permission("dns:write")
def dnssec(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Signing, on or off the safe way."""
    zone, form = _zone(zone_id), PanelForm()
    enabled = not zone.dnssec or (zone.leaving and request.form.get("wish") == "on")
    changed = form.attempt(lambda: actions.set_dnssec(actor(), zone_id=zone_id, enabled=enabled))
    if changed is None:
        return render_template("zones/dnssec.html", zone=zone, form=form, parent=parent_words(zone)), form.status
    return done(zone_id, changed)


@area.route("/dnssec/off", methods=["GET", "POST"])
@permission("dns:vouch", staff=True)
def force_off(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Signing off at once, though the parent may still have a DS; with a reason."""
    zone, form = _zone(zone_id), ForceForm()
    changed = form.attempt(
        lambda: actions.set_dnssec(actor(), zone_id=zone_id, enabled=False, force=True, reason=form.reason.text)
    )
    if changed is None:
        return render_template("zones/force_off.html", zone=zone, form=form, parent=parent_words(zone)), form.status
    return done(zone_id, changed)


@area.route("/soa", methods=["GET", "POST"])
@permission("dns:write")
def soa(zone_id: uuid.UUID) -> ResponseReturnValue:
    """The times of the zone."""
    zone = _zone(zone_id)
    form = SoaForm(obj=SoaRow(zone))
    form.offer()
    changed = form.attempt_on(
        SoaRow(zone),
        lambda seen: actions.set_soa(
            actor(), zone_id=zone_id, expected_version=seen, comment=form.comment.text, **form.values()
        ),
    )
    if changed is None:
        return render_template("zones/soa.html", zone=zone, form=form), form.status
    return done(zone_id, changed)


@area.route("/remove", methods=["GET", "POST"])
@permission("dns:write")
def remove(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Removal, which can be undone for a time."""
    return _confirmed(zone_id, actions.remove_zone, "zones/remove.html", _("The zone is being removed."))


@area.route("/restore", methods=["GET", "POST"])
@permission("dns:write")
def restore(zone_id: uuid.UUID) -> ResponseReturnValue:
    """A removed zone comes back."""
    return _confirmed(zone_id, actions.restore_zone, "zones/restore.html", _("The zone is coming back."))


@area.route("/purge", methods=["GET", "POST"])
@permission("dns:vouch", staff=True)
def purge(zone_id: uuid.UUID) -> ResponseReturnValue:
    """A removed zone, gone for good."""
    return _confirmed(zone_id, actions.purge_zone, "zones/purge.html", _("The zone is being deleted for good."))


def _zone(zone_id: uuid.UUID) -> Zone:
    return actions.get_zone(actor(), zone_id, permission="dns:write")


def _confirmed(
    zone_id: uuid.UUID, action: Callable[..., actions.Changed], template: str, told: str
) -> ResponseReturnValue:
    """Show what will happen, and do it once that was confirmed."""
    to = url_for("zones.show", zone_id=zone_id)
    return confirmed(lambda: action(actor(), zone_id=zone_id), template, told=told, to=to, zone=_zone(zone_id))


def _to(zone_id: uuid.UUID, told: str) -> ResponseReturnValue:
    flash(told, "success")
    return redirect(url_for("zones.show", zone_id=zone_id), 303)
