"""Members and their entitlements as they look outside."""

from __future__ import annotations

from typing import Any

from panel.contracts.entitlements import Entitlement
from panel.members.models import Member
from panel.shapes.values import events_of, identifier, moment


def member(row: Member) -> dict[str, Any]:
    """A member; ``official_kind``, ``county`` and ``county_rights`` are the register's."""
    return {
        "id": str(row.id),
        "name": row.name,
        "kind": row.kind,
        "official_kind": row.official_kind,
        "teryt": row.teryt,
        "county": row.county,
        "county_rights": row.county_rights,
        "voivodeship": None if row.voivodeship is None else row.voivodeship.name,
        "nip": row.nip,
        "regon": row.regon,
        "rspo": row.rspo,
        "slug": row.slug,
        "parent_id": identifier(row.parent_id),
        "e_delivery_address": row.e_delivery_address,
        "address": row.address,
        "contacts": [dict(contact) for contact in row.contacts],
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "links": events_of("member", row.id),
    }


def entitlement(item: Entitlement) -> dict[str, Any]:
    """What one kind is granted and used, and which contract items (or membership itself) grant it."""
    return {
        "member_id": str(item.member_id),
        "kind": item.kind,
        "granted": item.granted,
        "used": item.used,
        "sources": [
            {
                "contract_id": identifier(source.contract_id),
                "contract_number": source.contract_number or None,
                "service": source.service_code or None,
                "quantity": source.quantity,
                "amount": source.amount,
            }
            for source in item.sources
        ],
    }
