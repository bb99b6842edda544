"""Contracts and the catalogue as they look outside."""

from __future__ import annotations

from typing import Any

from panel.contracts.entitlements import today
from panel.contracts.models import ENTITLEMENT_KINDS, Amendment, Attachment, Contract, ContractItem, Service
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
        "suspension": None if row.suspended is None else {"level": row.suspended, "reason": row.suspended_reason},
        "items": [item(one) for one in row.items],
        "amendments": [amendment(one) for one in row.amendments],
        "attachments": [attachment(one) for one in row.attachments],
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "links": events_of("contract", row.id),
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
