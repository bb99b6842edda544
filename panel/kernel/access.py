"""Who asks, what they may do, and which rows they reach. Unknown means no."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, false

from panel.kernel.errors import NotAllowed, NotFound

PERMISSIONS = frozenset(
    {
        "members:read", "members:write", "contracts:read", "contracts:write", "services:read", "entitlements:read",
        "mail:read", "mail:write", "mail:password", "mail:purge", "nodes:read", "nodes:write", "jobs:read", "jobs:write",
        "events:read", "tokens:read", "tokens:write", "users:read", "users:write",
    }
)  # fmt: skip

_READ_OWN = frozenset({"members:read", "contracts:read", "services:read", "entitlements:read", "mail:read", "events:read"})
ROLES: dict[str, frozenset[str]] = {
    "association_admin": PERMISSIONS,
    "provisioner": PERMISSIONS - {"users:write", "tokens:write", "nodes:write"},
    "support": _READ_OWN | {"nodes:read", "jobs:read"},
    "auditor": frozenset(name for name in PERMISSIONS if name.endswith(":read")),
    "member_admin": _READ_OWN | {"mail:write", "mail:password", "tokens:read", "tokens:write", "users:read", "users:write"},
    "member_editor": _READ_OWN,
    "school_coordinator": _READ_OWN | {"mail:write", "mail:password"},
}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One who asks. ``member_ids`` None reaches every member and what belongs to none; an empty set reaches nothing.

    ``ref`` is ``user:UUID``, ``token:UUID``, ``cli:NAME`` or ``system:NAME``; ``name`` is shown to people.
    ``kinds`` None allows every kind of resource.
    """

    ref: str
    name: str
    permissions: frozenset[str] = frozenset()
    member_ids: frozenset[uuid.UUID] | None = frozenset()
    kinds: frozenset[str] | None = None
    user_id: uuid.UUID | None = None
    on_behalf_of: str | None = None
    fresh: bool = field(default=False)

    def may(self, permission: str, member_id: uuid.UUID | None = None) -> bool:
        """Whether the actor holds ``permission``, on ``member_id`` where one is given."""
        held = permission in self.permissions and permission in PERMISSIONS
        return held and (member_id is None or self.reaches(member_id))

    def reaches(self, member_id: uuid.UUID | None) -> bool:
        """Whether rows of ``member_id`` (None: of no member) are in scope."""
        return self.member_ids is None or member_id in self.member_ids

    @property
    def reaches_all(self) -> bool:
        """Whether the whole association is in scope: staff."""
        return self.member_ids is None


SYSTEM = Actor(ref="system:panel", name="panel", permissions=PERMISSIONS, member_ids=None, fresh=True)


def require(actor: Actor, permission: str, member_id: uuid.UUID | None = None, *, staff: bool = False) -> None:
    """Go on only if ``actor`` holds ``permission`` on ``member_id``, or on everything where ``staff`` is asked for.

    Raises NotFound when the member is out of reach (foreign looks like absent), NotAllowed when only the permission is
    missing.
    """
    if member_id is not None and not actor.reaches(member_id):
        raise NotFound("not_found")
    if permission not in PERMISSIONS or permission not in actor.permissions or (staff and not actor.reaches_all):
        raise NotAllowed("not_allowed", permission=permission)


def require_kind(actor: Actor, kind: str) -> None:
    """Go on only if the actor's token covers resources of ``kind``."""
    if actor.kinds is not None and kind not in actor.kinds:
        raise NotAllowed("not_allowed", permission=kind)


def scoped(actor: Actor, query: Select[Any], column: Any) -> Select[Any]:
    """``query`` narrowed to the rows whose ``column`` (a member's id) the actor reaches."""
    if actor.member_ids is None:
        return query
    if not actor.member_ids:
        return query.where(false())
    return query.where(column.in_(actor.member_ids))
