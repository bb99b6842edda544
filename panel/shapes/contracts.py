"""Contracts and the catalogue as they look outside."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from panel.contracts.ending import ContractTask
from panel.contracts.entitlements import today
from panel.contracts.models import ENTITLEMENT_KINDS, Amendment, Attachment, Contract, ContractItem, Service
from panel.contracts.orders import Order, priced, total_of
from panel.contracts.steps import ContractStep
from panel.shapes.values import day, events_of, identifier, moment, money


def contract(row: Contract) -> dict[str, Any]:
    """A contract with its items, amendments and scans; ``status`` as of today."""
    return {
        "id": str(row.id),
        "number": row.number,
        "member_id": str(row.member_id),
        "signed_on": day(row.signed_on),
        "starts_on": day(row.starts_on),
        "ends_on": day(row.ends_on),
        "ended_on": day(row.ended_on),
        "notice_days": row.notice_days,
        "status": row.status(today()),
        "suspension": _suspension(row),
        "items": [item(one) for one in row.items],
        "amendments": [amendment(one) for one in row.amendments],
        "attachments": [attachment(one) for one in row.attachments],
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "links": events_of("contract", row.id),
    }


def _suspension(row: Contract) -> dict[str, Any] | None:
    if row.suspended is None:
        return None
    return {"level": row.suspended, "reason": row.suspended_reason, "contact": row.suspended_contact}


def step(row: ContractStep) -> dict[str, Any]:
    """A step of a suspension, or one after the contract's end, with when it was announced and from when it holds."""
    return {
        "id": str(row.id),
        "contract_id": str(row.contract_id),
        "why": row.why,
        "level": row.level,
        "takes_on": day(row.takes_on),
        "state": row.state,
        "announced_at": moment(row.announced_at),
        "taken_at": moment(row.taken_at),
        "cancelled_at": moment(row.cancelled_at),
        "created_at": moment(row.created_at),
    }


def task(row: ContractTask) -> dict[str, Any]:
    """What is to be done before a contract ends: ``step`` days before its last day."""
    return {
        "id": str(row.id),
        "contract_id": str(row.contract_id),
        "contract_number": row.contract.number,
        "member_id": str(row.contract.member_id),
        "step": row.step,
        "last_day": day(row.last_day),
        "due_on": day(row.due_on),
        "state": row.state,
        "done_at": moment(row.done_at),
        "done_by": row.done_by or None,
        "note": row.note,
        "created_at": moment(row.created_at),
    }


def order(row: Order) -> dict[str, Any]:
    """An order with its items; prices of a draft are the catalogue's of now, later those it was sent with."""
    items = priced(row.items)
    return {
        "id": str(row.id),
        "number": row.number,
        "member_id": str(row.member_id),
        "contract_id": identifier(row.contract_id),
        "state": row.state,
        "items": [
            {"service": one["service"], "quantity": one["quantity"], "unit_price": money(Decimal(one["unit_price"]))}
            for one in items
        ],
        "total": money(total_of(items)),
        "note": row.note,
        "reason": row.reason,
        "effective_on": day(row.effective_on),
        "granted_by": identifier(row.granted_by_id),
        "amendment_id": identifier(row.amendment_id),
        "created_at": moment(row.created_at),
        "made_by": row.made_by,
        "sent_at": moment(row.sent_at),
        "sent_by": row.sent_by,
        "decided_at": moment(row.decided_at),
        "decided_by": row.decided_by,
        "live_at": moment(row.live_at),
        "links": events_of("order", row.id),
    }


def item(row: ContractItem) -> dict[str, Any]:
    """One service with its quantity, price and dates."""
    return {
        "id": str(row.id),
        "service": row.service_code,
        "quantity": row.quantity,
        "unit_price": money(row.unit_price),
        "discount_percent": money(row.discount_percent),
        "total": money(row.total()),
        "starts_on": day(row.starts_on),
        "ends_on": day(row.ends_on),
        "amendment_id": identifier(row.amendment_id),
    }


def amendment(row: Amendment) -> dict[str, Any]:
    """An amendment; its items are the contract's items that name it."""
    return {
        "id": str(row.id),
        "number": row.number,
        "signed_on": day(row.signed_on),
        "effective_on": day(row.effective_on),
        "note": row.note,
    }


def attachment(row: Attachment) -> dict[str, Any]:
    """A signed scan; its bytes are at ``…/attachments/{id}``."""
    return {
        "id": str(row.id),
        "file_name": row.file_name,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        "created_at": moment(row.created_at),
    }


def service(row: Service, *, language: str = "pl") -> dict[str, Any]:
    """One line of the catalogue, named in ``language``; what a unit does not grant is zero."""
    amounts = {kind: row.entitlements.get(kind, 0) for kind in ENTITLEMENT_KINDS}
    return {
        "code": row.code,
        "name": row.name_en if language == "en" and row.name_en else row.name,
        "unit": row.unit,
        "price": money(row.price),
        "entitlements": amounts | {"portals": row.entitlements.get("portals", [])},
    }
