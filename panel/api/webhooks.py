"""Webhooks: where what happens is told to other programs."""

from __future__ import annotations

from panel.api.fields import Boolean, Id, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.api.versions import require_match
from panel.kernel.access import Actor
from panel.kernel.db import unit_of_work
from panel.shapes import orders
from panel.shapes import webhooks as shapes
from panel.webhooks import actions
from panel.webhooks.models import DELIVERY_STATES, Webhook
from panel.webhooks.reading import event_of

_CHANGE = {
    "url": Text(most=actions.URL_MAX, says="Where to send to: https, a public address. Redirects are not followed."),
    "name": Text(most=actions.NAME_MAX, says="What people call it; the host's name if not said."),
    "kinds": ListOf(of=Text(most=40), most=actions.WORDS_MAX, says="Only events about these kinds; empty: all."),
    "events": ListOf(
        of=Text(most=130), most=actions.WORDS_MAX, says="Only tags that begin so, like `mail:mailbox`; empty: all."
    ),
}
_NEW = Shape(
    fields={
        **_CHANGE,
        "url": Text(required=True, most=actions.URL_MAX, says=_CHANGE["url"].says),
        "member_id": Id(nullable=True, says="Whose events, with those of what is below; null: of the association."),
    }
)
_FILTERS = {"member_id": Id(), "active": Boolean()}


@operation(
    "GET",
    "/webhooks",
    permission="webhooks:read",
    query=list_parameters(orders.WEBHOOKS, _FILTERS),
    answer=page_of("Webhook"),
)
def list_webhooks(actor: Actor, ask: Ask) -> Answer:
    """List webhooks, newest first; `search` covers name and address."""
    query = actions.webhooks_query(actor, member_id=ask.query.get("member_id"))
    query = narrowed(ask, query, {"active": Webhook.active})
    for word in ask.query.get("search", "").split():
        query = query.where((Webhook.name + " " + Webhook.url).icontains(word, autoescape=True))
    return list_answer(ask, query, shapes.webhook, sorts=orders.WEBHOOKS, default="-created_at")


@operation("POST", "/webhooks", permission="webhooks:write", body=_NEW, answer=ref("Webhook"), statuses=(201,))
def create_webhook(actor: Actor, ask: Ask) -> Answer:
    """Have events sent somewhere until this token ends. The secret that signs them is in this answer only."""
    row, secret = actions.create_webhook(actor, **ask.body)
    location = f"/api/v1/webhooks/{row.id}"
    return Answer(body=shapes.webhook(row) | {"secret": secret}, status=201, location=location, etag=_etag(row))


@operation("GET", "/webhooks/<uuid:id>", permission="webhooks:read", answer=ref("Webhook"), versioned=True)
def show_webhook(actor: Actor, ask: Ask) -> Answer:
    """Show a webhook."""
    return _shown(actions.get_webhook(actor, ask.id))


@operation(
    "PATCH",
    "/webhooks/<uuid:id>",
    permission="webhooks:write",
    body=Shape(fields={**_CHANGE, "active": Boolean(says="False switches it off; what happens then is not sent.")}),
    answer=ref("Webhook"),
    versioned=True,
)
def change_webhook(actor: Actor, ask: Ask) -> Answer:
    """Change a webhook, or switch it off or on. From then on it sends what whoever changed it may read."""
    with unit_of_work():
        require_match(_etag(actions.get_webhook(actor, ask.id, permission="webhooks:write", for_change=True)))
        row = actions.change_webhook(actor, ask.id, **ask.body)
    return _shown(row)


@operation("DELETE", "/webhooks/<uuid:id>", permission="webhooks:write", answer=ref("Webhook"))
def remove_webhook(actor: Actor, ask: Ask) -> Answer:
    """Take a webhook away, with the record of what it sent."""
    row = actions.get_webhook(actor, ask.id, permission="webhooks:write")
    gone = shapes.webhook(row) | {"active": False}
    actions.remove_webhook(actor, ask.id)
    return Answer(body=gone)


@operation("POST", "/webhooks/<uuid:id>/rotate", permission="webhooks:write", answer=ref("Webhook"))
def rotate_webhook_secret(actor: Actor, ask: Ask) -> Answer:
    """Make a new secret, in this answer only. The earlier one signs beside it for a day."""
    row, secret = actions.rotate_secret(actor, ask.id)
    return Answer(body=shapes.webhook(row) | {"secret": secret})


@operation(
    "POST", "/webhooks/<uuid:id>/test", permission="webhooks:write", answer=ref("WebhookDelivery"), statuses=(202,)
)
def test_webhook(actor: Actor, ask: Ask) -> Answer:
    """Send a message that is about nothing, to see whether it arrives."""
    return _delivery_sent(ask, shapes.delivery(actions.send_test(actor, ask.id)))


@operation(
    "GET",
    "/webhooks/<uuid:id>/deliveries",
    permission="webhooks:read",
    query=list_parameters(orders.DELIVERIES, {"state": Text(choices=DELIVERY_STATES)}, search=False),
    answer=page_of("WebhookDelivery"),
)
def list_webhook_deliveries(actor: Actor, ask: Ask) -> Answer:
    """List what was sent within thirty days, newest first, with every attempt and its answer."""
    query = actions.deliveries_query(actor, ask.id, state=ask.query.get("state"))
    return list_answer(ask, query, shapes.delivery, sorts=orders.DELIVERIES, default="-created_at")


@operation(
    "GET",
    "/webhooks/<uuid:id>/deliveries/<uuid:delivery_id>",
    permission="webhooks:read",
    answer=ref("WebhookDelivery"),
)
def show_webhook_delivery(actor: Actor, ask: Ask) -> Answer:
    """Show a message with what it says; that is left out where it is about something you may not read."""
    row = actions.get_delivery(actor, ask.id, ask.path["delivery_id"])
    is_open, event = event_of(actor, row)
    return Answer(body=shapes.delivery(row) | ({"payload": shapes.delivery_payload(row, event)} if is_open else {}))


@operation(
    "POST",
    "/webhooks/<uuid:id>/deliveries/<uuid:delivery_id>/resend",
    permission="webhooks:write",
    answer=ref("WebhookDelivery"),
    statuses=(202,),
)
def resend_webhook_delivery(actor: Actor, ask: Ask) -> Answer:
    """Send a message again under the id it had."""
    return _delivery_sent(ask, shapes.delivery(actions.resend(actor, ask.id, ask.path["delivery_id"])))


def _shown(row: Webhook) -> Answer:
    return Answer(body=shapes.webhook(row), etag=_etag(row))


def _delivery_sent(ask: Ask, shape: dict[str, object]) -> Answer:
    return Answer(body=shape, status=202, location=f"/api/v1/webhooks/{ask.id}/deliveries/{shape['id']}")


def _etag(row: Webhook) -> str:
    return f"{row.id}-{row.version}"
