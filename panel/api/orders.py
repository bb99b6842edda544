"""Orders: a member asks for more, the association approves."""

from __future__ import annotations

from decimal import Decimal

from panel.api.fields import Amount, Boolean, Day, Id, Integer, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.contracts import orders as actions
from panel.kernel.access import Actor
from panel.shapes import contracts as shapes
from panel.shapes import orders

_NEW = Shape(
    fields={
        "member_id": Id(required=True),
        "contract_id": Id(nullable=True, says="The contract that it shall extend; a new one if not given."),
        "items": ListOf(
            of=Shape(
                fields={
                    "service": Text(required=True, most=50, says="A code from the catalogue."),
                    "quantity": Integer(required=True, least=1, most=10_000_000),
                }
            ),
            required=True,
            least=1,
            most=100,
        ),
        "note": Text(most=200),
        "total": Amount(nullable=True, says="What it shall cost a year; refused where prices are others by now."),
        "draft": Boolean(says="true: keep it as a draft; it is sent otherwise."),
    }
)
_APPROVAL = Shape(
    fields={
        "number": Text(required=True, most=200, says="Of the amendment, or of the new contract."),
        "effective_on": Day(required=True),
        "signed_on": Day(nullable=True, says="Today if not given."),
        "ends_on": Day(nullable=True, says="Of a new contract; null: for an unlimited time."),
    }
)


@operation(
    "GET",
    "/orders",
    permission="orders:read",
    query=list_parameters(orders.ORDERS, {"member_id": Id(), "state": Text(choices=actions.ORDER_STATES)}),
    answer=page_of("Order"),
)
def list_orders(actor: Actor, ask: Ask) -> Answer:
    """List orders; `search` covers the number and the member. Drafts are shown to their members only."""
    query = actions.orders_query(
        actor,
        search=ask.query.get("search", ""),
        member_id=ask.query.get("member_id"),
        state=ask.query.get("state"),
    )
    return list_answer(ask, query, shapes.order, sorts=orders.ORDERS, default="-created_at")


@operation("POST", "/orders", permission="orders:write", body=_NEW, answer=ref("Order"), statuses=(201,))
def create_order(actor: Actor, ask: Ask) -> Answer:
    """Order more for a member. What is sent waits for the association; nothing is granted before."""
    values = {name: value for name, value in ask.body.items() if name not in ("total", "draft")}
    if ask.body.get("draft", False):
        order = actions.create_order(actor, **values)
    else:
        order = actions.place_order(actor, total=_total(ask), **values)
    return Answer(body=shapes.order(order), status=201, location=f"/api/v1/orders/{order.id}")


@operation("GET", "/orders/<uuid:id>", permission="orders:read", answer=ref("Order"))
def show_order(actor: Actor, ask: Ask) -> Answer:
    """Show an order."""
    return Answer(body=shapes.order(actions.get_order(actor, ask.id)))


@operation(
    "POST",
    "/orders/<uuid:id>/send",
    permission="orders:write",
    body=Shape(fields={"total": Amount(nullable=True, says="As it was shown; refused where it is another by now.")}),
    answer=ref("Order"),
)
def send_order(actor: Actor, ask: Ask) -> Answer:
    """Send a draft to the association."""
    return Answer(body=shapes.order(actions.send_order(actor, ask.id, total=_total(ask))))


@operation(
    "POST", "/orders/<uuid:id>/approve", permission="orders:approve", staff=True, body=_APPROVAL, answer=ref("Order")
)
def approve_order(actor: Actor, ask: Ask) -> Answer:
    """Approve an order: an amendment or a new contract grants it from a day on."""
    return Answer(body=shapes.order(actions.approve_order(actor, ask.id, **ask.body)))


@operation(
    "POST",
    "/orders/<uuid:id>/refuse",
    permission="orders:approve",
    staff=True,
    body=Shape(fields={"reason": Text(required=True, most=200, says="The member reads it.")}),
    answer=ref("Order"),
)
def refuse_order(actor: Actor, ask: Ask) -> Answer:
    """Refuse an order, for a reason the member reads."""
    return Answer(body=shapes.order(actions.refuse_order(actor, ask.id, **ask.body)))


@operation("POST", "/orders/<uuid:id>/withdraw", permission="orders:write", answer=ref("Order"))
def withdraw_order(actor: Actor, ask: Ask) -> Answer:
    """Take an order back before somebody decided."""
    return Answer(body=shapes.order(actions.withdraw_order(actor, ask.id)))


def _total(ask: Ask) -> Decimal | None:
    given = ask.body.get("total")
    return None if given is None else Decimal(given)
