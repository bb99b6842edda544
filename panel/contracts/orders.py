"""Orders: a member asks for more; somebody of the staff approves; an amendment or a contract grants it.

A walk of four steps: draft, sent, approved, live. Instead of approved it may be refused, and until then withdrawn.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Select, UniqueConstraint, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.contracts.actions import add_amendment, create_contract, get_contract
from panel.contracts.entitlements import database_today
from panel.contracts.models import Contract, Service
from panel.contracts.standing import require_not_held
from panel.contracts.values import day as checked_day
from panel.contracts.values import line, read_quantities
from panel.kernel.access import Actor, require, scoped
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, one_at_a_time, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.kernel.text import fold
from panel.ledger.events import record
from panel.ledger.notices import tell_holders
from panel.members.actions import require_members
from panel.members.models import Member

ORDER_STATES = ("draft", "sent", "approved", "live", "refused", "withdrawn")


class Order(Base):
    """What a member asked for: ``items`` of ``service``, ``quantity`` and, once sent, ``unit_price`` as text.

    ``contract_id``: the contract it shall extend, None for a new one. ``ticket`` names the form it came from: the same
    form sent twice is one order. ``*_by``: the ``ref`` of who did it.
    """

    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("member_id", "ticket"), Index("ix_orders_state", "state", "id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), index=True)
    contract_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("contracts.id"), index=True)
    ticket: Mapped[uuid.UUID | None]
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    note: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="draft")
    made_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    sent_by: Mapped[str | None]
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(default="")
    effective_on: Mapped[date | None]
    granted_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("contracts.id"))
    amendment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("amendments.id"))
    live_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    member: Mapped[Member] = relationship(lazy="joined")
    contract: Mapped[Contract | None] = relationship(foreign_keys=[contract_id])


def orders_query(
    actor: Actor, *, search: str = "", member_id: uuid.UUID | None = None, state: str | None = None
) -> Select[Order]:
    """The orders in scope; drafts are their members' own business. ``search`` covers the number and the member."""
    query = scoped(actor, "orders:read", select(Order).join(Order.member), Order.member_id)
    if actor.may_everywhere("orders:read"):
        query = query.where(or_(Order.state != "draft", Order.made_by == actor.ref))
    for word in fold(search).split():
        query = query.where(
            or_(Order.number.icontains(word, autoescape=True), Member.folded.contains(word, autoescape=True))
        )
    if member_id is not None:
        query = query.where(Order.member_id == member_id)
    return query if state is None else query.where(Order.state == state)


def get_order(actor: Actor, order_id: uuid.UUID, *, for_change: bool = False) -> Order:
    """One order. Raises NotFound where it is absent or out of reach."""
    order = read_row(Order, order_id, for_change=True) if for_change else db.session.get(Order, order_id)
    if order is None or not actor.reaches(order.member_id):
        raise NotFound("not_found")
    require(actor, "orders:read", order.member_id)
    return order


def create_order(
    actor: Actor,
    *,
    member_id: uuid.UUID,
    items: Sequence[Mapping[str, Any]],
    contract_id: uuid.UUID | None = None,
    note: str = "",
    ticket: uuid.UUID | None = None,
) -> Order:
    """Draw up an order: ``items`` of ``service`` and ``quantity``. The same ``ticket`` again is the same order.

    Raises Invalid naming ``items.ROW.FIELD``, NotFound for a contract of somebody else, Conflict ``member_held``.
    """
    require(actor, "orders:write", member_id)
    require_members([member_id])
    with unit_of_work():
        one_at_a_time("orders")
        known = ticket and db.session.scalar(select(Order).where(Order.member_id == member_id, Order.ticket == ticket))
        if known:
            return known
        require_not_held(member_id)
        if contract_id is not None:
            _require_own_contract(actor, contract_id, member_id)
        order = Order(
            id=new_id(), number=_next_number(), member_id=member_id, contract_id=contract_id, ticket=ticket,
            items=read_quantities(items), note=line("note", note, empty=True), state="draft", made_by=actor.ref,
        )  # fmt: skip
        db.session.add(order)
        db.session.flush()
        _record(actor, order, "create")
    return order


def quote(actor: Actor, *, member_id: uuid.UUID, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What an order would cost today: its items with ``unit_price``. Raises as ``create_order`` does."""
    require(actor, "orders:write", member_id)
    require_members([member_id])
    require_not_held(member_id)
    return priced(read_quantities(items))


def place_order(actor: Actor, *, total: Decimal | None = None, **values: Any) -> Order:
    """Draw up an order and send it, or neither; ``values`` as ``create_order`` takes them.

    The same ``ticket`` again gives the order that was sent with it. Raises as ``create_order`` and ``send_order`` do.
    """
    with unit_of_work():
        order = create_order(actor, **values)
        return order if order.state != "draft" else send_order(actor, order.id, total=total)


def send_order(actor: Actor, order_id: uuid.UUID, *, total: Decimal | None = None) -> Order:
    """Send a draft to the association; its prices are the catalogue's of this moment.

    ``total``: what the sender was shown. Raises Conflict ``prices_changed`` where it is another one by now,
    ``order_state`` where it was sent already.
    """
    with unit_of_work():
        order = _for_change(actor, order_id, "orders:write", ("draft",))
        require_not_held(order.member_id)
        prices = _prices([item["service"] for item in order.items])
        order.items = [item | {"unit_price": str(prices[item["service"]])} for item in order.items]
        if total is not None and total != total_of(order.items):
            raise Conflict("prices_changed", total=str(total_of(order.items)))
        order.state, order.sent_by, order.sent_at = "sent", actor.ref, utcnow()
        _record(actor, order, "send", total=str(total_of(order.items)))
        tell_holders("order:sent", "orders:approve", None, number=order.number, member=order.member.name,
                     total=str(total_of(order.items)))  # fmt: skip
    return order


def approve_order(
    actor: Actor,
    order_id: uuid.UUID,
    *,
    number: str,
    effective_on: date,
    signed_on: date | None = None,
    ends_on: date | None = None,
) -> Order:
    """Approve: an amendment ``number`` to the order's contract, or a new contract of that number, from a day on.

    It is live at once where that day has come. Raises Conflict ``order_state`` where somebody decided before, and what
    ``add_amendment`` and ``create_contract`` raise.
    """
    require(actor, "orders:approve", staff=True)
    with unit_of_work():
        one_at_a_time("contracts")
        order = _for_change(actor, order_id, "orders:approve", ("sent",))
        today = database_today()
        first, signed = checked_day("effective_on", effective_on), signed_on or today
        if order.contract_id is None:
            made = create_contract(actor, number=number, member_id=order.member_id, signed_on=signed, starts_on=first,
                                   ends_on=ends_on, items=order.items)  # fmt: skip
            order.granted_by_id = made.id
        else:
            _require_lasts(get_contract(actor, order.contract_id), first)
            amendment = add_amendment(actor, order.contract_id, number=number, signed_on=signed, effective_on=first,
                                      note=order.number, items=order.items)  # fmt: skip
            order.granted_by_id, order.amendment_id = order.contract_id, amendment.id
        order.state, order.effective_on = "approved", first
        order.decided_by, order.decided_at = actor.ref, utcnow()
        _record(actor, order, "approve", number=number, effective_on=first.isoformat())
        tell_holders("order:approved", "orders:read", order.member_id, number=order.number,
                     effective_on=first.isoformat())  # fmt: skip
        if first <= today:
            _go_live(actor, order)
    return order


def refuse_order(actor: Actor, order_id: uuid.UUID, *, reason: str) -> Order:
    """Refuse, for a reason the member reads. Raises Conflict ``order_state`` where somebody decided before."""
    require(actor, "orders:approve", staff=True)
    with unit_of_work():
        order = _for_change(actor, order_id, "orders:approve", ("sent",))
        order.state, order.reason = "refused", line("reason", reason)
        order.decided_by, order.decided_at = actor.ref, utcnow()
        _record(actor, order, "refuse", reason=order.reason)
        tell_holders("order:refused", "orders:read", order.member_id, number=order.number, reason=order.reason)
    return order


def withdraw_order(actor: Actor, order_id: uuid.UUID) -> Order:
    """Take an order back before somebody decided. Raises Conflict ``order_state`` after."""
    with unit_of_work():
        order = _for_change(actor, order_id, "orders:write", ("draft", "sent"))
        order.state, order.decided_by, order.decided_at = "withdrawn", actor.ref, utcnow()
        _record(actor, order, "withdraw")
    return order


def start_orders(actor: Actor) -> int:
    """Call approved orders live whose day has come by the database's clock; return how many."""
    require(actor, "orders:approve", staff=True)
    with unit_of_work():
        due = select(Order).where(Order.state == "approved", Order.effective_on <= database_today())
        orders = list(db.session.scalars(due.order_by(Order.id).with_for_update(of=Order, skip_locked=True)).unique())
        for order in orders:
            _go_live(actor, order)
    return len(orders)


def total_of(items: Sequence[Mapping[str, Any]]) -> Decimal:
    """Together, in PLN a year."""
    return sum((Decimal(item["unit_price"]) * item["quantity"] for item in items), Decimal())


def priced(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Items with the prices they have, or with the catalogue's of today where they have none yet."""
    prices = _prices([str(item["service"]) for item in items])
    return [{"unit_price": str(prices[item["service"]]), **item} for item in items]


def _for_change(actor: Actor, order_id: uuid.UUID, permission: str, states: Sequence[str]) -> Order:
    order = get_order(actor, order_id, for_change=True)
    require(actor, permission, order.member_id)
    if order.state not in states:
        raise Conflict("order_state", state=order.state)
    return order


def _go_live(actor: Actor, order: Order) -> None:
    order.state, order.live_at = "live", utcnow()
    _record(actor, order, "live")


def _require_own_contract(actor: Actor, contract_id: uuid.UUID, member_id: uuid.UUID) -> None:
    contract = get_contract(actor, contract_id)
    if contract.member_id != member_id:
        raise NotFound("not_found", field="contract_id")
    _require_lasts(contract, database_today())


def _require_lasts(contract: Contract, day: date) -> None:
    last = contract.last_day()
    if last is not None and last < day:
        raise Conflict("contract_over", field="contract_id", number=contract.number)


def _prices(codes: Sequence[str]) -> dict[str, Decimal]:
    rows = db.session.execute(select(Service.code, Service.price).where(Service.code.in_(codes)))
    prices = {row.code: row.price for row in rows}
    for row, code in enumerate(codes):
        if code not in prices:
            raise Invalid("unknown_service", field=f"items.{row}.service")
    return prices


def _next_number() -> str:
    """The next number of this year; whoever calls it keeps others from doing so at the same time."""
    year = db.session.scalars(select(database_now())).one().year
    start = f"ZAM/{year}/"
    last = db.session.scalar(select(func.max(Order.number)).where(Order.number.startswith(start)))
    return f"{start}{int(last.removeprefix(start)) + 1 if last else 1:05}"


def _record(actor: Actor, order: Order, action: str, **data: Any) -> None:
    record(
        actor,
        f"contracts:order:{action}",
        kind="order",
        resource_id=order.id,
        name=order.number,
        member_id=order.member_id,
        **data,
    )
