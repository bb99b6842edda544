"""Pages of webhooks: which there are, one of them with what was sent, setting one up, and the secret once."""

from __future__ import annotations

import json
import uuid
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.kernel.i18n import _
from panel.shapes.orders import DELIVERIES, WEBHOOKS
from panel.shapes.webhooks import delivery_payload
from panel.web.asked_id import asked_id
from panel.web.forms.webhooks import WebhookForm
from panel.web.lists import asked
from panel.web.oneoff import shown_once
from panel.web.session import actor, permission, require_fresh, require_fresh_to_send
from panel.webhooks import actions
from panel.webhooks.models import DELIVERY_STATES, Webhook
from panel.webhooks.reading import event_of
from panel.wording import state_word

area = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@area.get("/")
@permission("webhooks:read")
def show_list() -> ResponseReturnValue:
    """Webhooks in scope, newest first."""
    query = actions.webhooks_query(actor(), member_id=asked_id("member"))
    listing = asked().read(query, sorts=WEBHOOKS, default="-created_at")
    return render_template("webhooks/list.html", listing=listing, look_of=look_of)


@area.route("/new", methods=["GET", "POST"])
@permission("webhooks:write")
@require_fresh
def create() -> ResponseReturnValue:
    """Set one up, for ``?member=`` where it is given."""
    form = WebhookForm(data={"member_id": asked_id("member") or _only_member()})
    form.offer(actor())
    made = form.attempt(lambda: actions.create_webhook(actor(), member_id=form.member_id.data, **form.values()))
    if made is not None:
        return shown_once("webhooks/secret.html", webhook=made[0], secret=made[1], new=True)
    return render_template("webhooks/form.html", form=form, webhook=None), form.status


@area.get("/<uuid:webhook_id>")
@permission("webhooks:read")
def show(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """One webhook, and what was sent by it within thirty days."""
    row, wanted = actions.get_webhook(actor(), webhook_id), asked("state")
    state = wanted.filter("state")
    query = actions.deliveries_query(actor(), webhook_id, state=state if state in DELIVERY_STATES else None)
    listing = wanted.read(query, sorts=DELIVERIES, default="-created_at")
    words = [(one, state_word(one, family="delivery")) for one in DELIVERY_STATES]
    pending = row.active and any(one.state == "queued" and not one.tries for one in listing.items)
    return render_template(
        "webhooks/show.html", webhook=row, listing=listing, look=look_of(row), words=words, pending=pending
    )


@area.route("/<uuid:webhook_id>/edit", methods=["GET", "POST"])
@permission("webhooks:write")
@require_fresh
def edit(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Change address, name, and what is sent."""
    row = actions.get_webhook(actor(), webhook_id, permission="webhooks:write")
    shown = {"url": row.url, "name": row.name, "events": "\n".join(row.events), "kinds": "\n".join(row.kinds)}
    form = WebhookForm(data=shown)
    if form.attempt(lambda: actions.change_webhook(actor(), row.id, **form.values())) is not None:
        flash(_("Saved."), "success")
        return redirect(url_for("webhooks.show", webhook_id=row.id), 303)
    return render_template("webhooks/form.html", form=form, webhook=row), form.status


@area.route("/<uuid:webhook_id>/switch", methods=["GET", "POST"])
@permission("webhooks:write")
@require_fresh
def switch(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Switch it off, or on again; what that means is said first."""
    row = actions.get_webhook(actor(), webhook_id, permission="webhooks:write")
    if request.method == "POST":
        actions.change_webhook(actor(), row.id, active=not row.active)
        return redirect(url_for("webhooks.show", webhook_id=row.id), 303)
    return render_template("webhooks/switch.html", webhook=row)


@area.route("/<uuid:webhook_id>/rotate", methods=["GET", "POST"])
@permission("webhooks:write")
@require_fresh
def rotate(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Make a new secret and show it once."""
    row = actions.get_webhook(actor(), webhook_id, permission="webhooks:write")
    if request.method == "POST":
        row, secret = actions.rotate_secret(actor(), row.id)
        return shown_once("webhooks/secret.html", webhook=row, secret=secret, new=False)
    return render_template("webhooks/rotate.html", webhook=row)


@area.route("/<uuid:webhook_id>/remove", methods=["GET", "POST"])
@permission("webhooks:write")
@require_fresh
def remove(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Take it away; what goes is said first."""
    row = actions.get_webhook(actor(), webhook_id, permission="webhooks:write")
    if request.method == "POST":
        actions.remove_webhook(actor(), row.id)
        flash(_("The webhook is removed."), "success")
        return redirect(url_for("webhooks.show_list"), 303)
    return render_template("webhooks/remove.html", webhook=row)


@area.post("/<uuid:webhook_id>/test")
@permission("webhooks:write")
@require_fresh_to_send
def test(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Send a message that is about nothing."""
    actions.send_test(actor(), webhook_id)
    return redirect(url_for("webhooks.show", webhook_id=webhook_id), 303)


@area.get("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
@permission("webhooks:read")
def show_delivery(webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> ResponseReturnValue:
    """One message: every attempt with its answer, and what it says to those who may read it."""
    row = actions.get_webhook(actor(), webhook_id)
    delivery = actions.get_delivery(actor(), webhook_id, delivery_id)
    is_open, event = event_of(actor(), delivery)
    said = json.dumps(delivery_payload(delivery, event), ensure_ascii=False, indent=2) if is_open else None
    pending = row.active and delivery.state == "queued" and not delivery.tries
    tries = [one | {"at": datetime.fromisoformat(one["at"])} for one in delivery.tries]
    return render_template(
        "webhooks/delivery.html", webhook=row, delivery=delivery, tries=tries, said=said, pending=pending
    )


@area.post("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend")
@permission("webhooks:write")
@require_fresh_to_send
def resend(webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> ResponseReturnValue:
    """Send a message again under its own id."""
    actions.resend(actor(), webhook_id, delivery_id)
    flash(_("The message is sent again."), "success")
    return redirect(url_for("webhooks.show_delivery", webhook_id=webhook_id, delivery_id=delivery_id), 303)


def look_of(row: Webhook) -> str:
    """By which name of a state a webhook is shown."""
    if row.active:
        return "failing" if row.failing_since else "on"
    return {"failing": "off_failing", "gone": "gone", "owner": "owner", "token": "token"}.get(row.off_reason, "person")


def _only_member() -> uuid.UUID | None:
    """The member of somebody who acts for one alone."""
    found = {one for grant in actor().grants for one in grant.member_ids or ()}
    return next(iter(found)) if len(found) == 1 and not actor().reaches_all else None
