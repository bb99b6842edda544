"""Tokens, users and roles as they look outside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from panel.identity.addresses import EmailChange
from panel.identity.erasing import Erasure
from panel.identity.erasing_named import NamedErasure
from panel.identity.invitations import Invitation
from panel.identity.limits import Attempts
from panel.identity.models import ApiToken, Grant, User
from panel.identity.outside import Reached
from panel.identity.providers import OutsideProvider
from panel.identity.step_ins import AskedAction, StepIn
from panel.kernel.access import ROLES
from panel.kernel.db import utcnow
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


def user(row: User, grants: Iterable[Grant] | None = None) -> dict[str, Any]:
    """A user with ``grants`` (those that may be told of; all if not said), and whether a second factor is set.

    ``role`` and ``member_id`` are those of the widest grant that holds: of most people it is the only one.
    """
    told = list(row.grants if grants is None else grants)
    widest = _widest(told)
    return {
        "id": str(row.id),
        "email": row.email,
        "name": row.name,
        "active": row.active,
        "role": None if widest is None else widest.role.name,
        "member_id": None if widest is None else identifier(widest.member_id),
        "grants": [_grant(grant) for grant in told],
        "second_factor": row.tf_totp_secret is not None,
        "last_sign_in_at": moment(row.current_login_at),
        "created_at": moment(row.create_datetime),
        "links": events_of("user", row.id),
    }


def erasure(found: Erasure | NamedErasure) -> dict[str, Any]:
    """What erasing a person takes and what stays, in numbers: no name is in it."""
    namesakes = found.namesakes if isinstance(found, NamedErasure) else 0
    return {
        "user_id": str(found.user.id) if isinstance(found, Erasure) else None,
        "events": found.events,
        "values": found.values,
        "rows": dict(found.rows),
        "mentions": dict(found.mentions),
        "stays": dict(found.stays) | ({"account": namesakes} if namesakes else {}),
    }


def _widest(grants: Iterable[Grant]) -> Grant | None:
    """On the whole association before on a member, then by how much the role may, then the one given first."""
    now = utcnow()
    return max(
        (grant for grant in grants if grant.holds_at(now)),
        key=lambda grant: (grant.member_id is None, len(ROLES.get(grant.role.name, ())), -grant.id.int),
        default=None,
    )


def _grant(row: Grant) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "role": row.role.name,
        "member_id": identifier(row.member_id),
        "until": moment(row.until),
        "granted_at": moment(row.granted_at),
        "granted_by": identifier(row.granted_by_id),
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


def invitation(row: Invitation) -> dict[str, Any]:
    """An invitation without its link, which only the invited address gets."""
    return {
        "id": str(row.id),
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "member_id": identifier(row.member_id),
        "language": row.language,
        "state": row.state,
        "inviter_name": row.inviter_name,
        "expires_at": moment(row.expires_at),
        "accepted_at": moment(row.accepted_at),
        "accepted_by_id": identifier(row.accepted_by_id),
        "withdrawn_at": moment(row.withdrawn_at),
        "created_at": moment(row.created_at),
        "links": events_of("invitation", row.id),
    }


def provider(row: OutsideProvider) -> dict[str, Any]:
    """An outside provider; of its secret only whether there is one."""
    return {
        "id": str(row.id),
        "name": row.name,
        "issuer": row.issuer,
        "client_id": row.client_id,
        "has_secret": bool(row.client_secret),
        "member_ids": [str(one.member_id) for one in row.members],
        "for_staff": row.for_staff,
        "active": row.active,
        "created_at": moment(row.created_at),
        "links": events_of("provider", row.id),
    }


def reached(found: Reached) -> dict[str, Any]:
    """What an outside provider said of itself when it was tried."""
    return {
        "id": str(found.provider.id),
        "issuer": found.provider.issuer,
        "authorization_endpoint": found.authorization_endpoint,
        "token_endpoint": found.token_endpoint,
        "keys": found.keys,
    }


def email_change(row: EmailChange) -> dict[str, Any]:
    """Another address that somebody is to sign in by, once it is confirmed from there."""
    return {
        "id": str(row.id),
        "user_id": str(row.user_id),
        "email": row.new_email,
        "asked_at": moment(row.asked_at),
        "expires_at": moment(row.expires_at),
        "links": events_of("user", row.user_id),
    }


def lockout(row: Attempts) -> dict[str, Any]:
    """Somebody who has to wait; names are kept of nobody, networks of addresses only."""
    return {
        "id": str(row.id),
        "what": row.what,
        "sort": row.sort,
        "user_id": identifier(row.user_id),
        "network": row.network,
        "failures": row.failures,
        "last_at": moment(row.last_at),
        "until": moment(row.until),
    }


def role(name: str) -> dict[str, Any]:
    """A role and what it may do."""
    return {"name": name, "permissions": sorted(ROLES[name])}
