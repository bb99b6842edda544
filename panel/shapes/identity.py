"""Tokens, users and roles as they look outside."""

from __future__ import annotations

from typing import Any

from panel.identity.models import ApiToken, User
from panel.identity.step_ins import AskedAction, StepIn
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


def step_in(row: StepIn) -> dict[str, Any]:
    """A stay of staff in a member's view, with the changes asked of the member during it."""
    return {
        "id": str(row.id),
        "member_id": str(row.member_id),
        "user_id": str(row.user_id),
        "user_name": row.user.name or row.user.email,
        "reason": row.reason,
        "ticket": row.ticket,
        "opened_at": moment(row.opened_at),
        "until": moment(row.until),
        "ended_at": moment(row.ended_at),
        "ended_by": row.ended_by,
        "pages": row.pages,
        "asked": [_asked(one) for one in row.asked],
    }


def _asked(row: AskedAction) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "action": row.action,
        "resource_id": identifier(row.resource_id),
        "resource_name": row.resource_name,
        "values": dict(row.values),
        "asked_at": moment(row.asked_at),
        "agreed": row.agreed,
        "decided_by": identifier(row.decided_by),
        "decided_at": moment(row.decided_at),
        "done_at": moment(row.done_at),
    }


def role(name: str) -> dict[str, Any]:
    """A role and what it may do."""
    return {"name": name, "permissions": sorted(ROLES[name])}
