"""Tokens, users and roles as they look outside."""

from __future__ import annotations

from typing import Any

from panel.identity.models import ApiToken, User
from panel.kernel.access import ROLES
from panel.shapes.values import events_of, identifier, moment


def token(row: ApiToken) -> dict[str, Any]:
    """A token without its secret, which only the first answer holds."""
    return {
        "id": str(row.id),
        "name": row.name,
        "member_id": identifier(row.member_id),
        "role": row.role,
        "kinds": row.kinds,
        "networks": row.networks,
        "maker_id": str(row.maker_id),
        "expires_at": moment(row.expires_at),
        "revoked_at": moment(row.revoked_at),
        "last_used_at": moment(row.last_used_at),
        "created_at": moment(row.created_at),
        "links": events_of("token", row.id),
    }


def user(row: User) -> dict[str, Any]:
    """A user with the roles held, and whether a second factor is set."""
    grants = [{"role": grant.role.name, "member_id": identifier(grant.member_id)} for grant in row.grants]
    return {
        "id": str(row.id),
        "email": row.email,
        "name": row.name,
        "active": row.active,
        "grants": grants,
        "second_factor": row.tf_totp_secret is not None,
    }


def role(name: str) -> dict[str, Any]:
    """A role and what it may do."""
    return {"name": name, "permissions": sorted(ROLES[name])}
