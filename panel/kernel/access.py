"""Who asks, what they may do, and which rows they reach. Unknown means no."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, false

from panel.kernel.db import one_of
from panel.kernel.errors import NotAllowed, NotFound

PERMISSIONS = frozenset(
    {
        "members:read",
        "members:write",
        "contracts:read",
        "contracts:write",
        "orders:read",
        "orders:write",
        "orders:approve",
        "services:read",
        "entitlements:read",
        "mail:read",
        "mail:write",
        "mail:password",
        "mail:purge",
        "mail:restore",
        "names:grant",
        "nodes:read",
        "nodes:write",
        "drift:write",
        "jobs:read",
        "jobs:write",
        "plans:approve",
        "events:read",
        "records:export",
        "records:erase",
        "tokens:read",
        "tokens:write",
        "users:read",
        "users:write",
        "mail:own",
        "users:invite",
        "stepin:enter",
        "stepin:agree",
        "mail:takeover",
        "imports:write",
        "webhooks:read",
        "webhooks:write",
        "dns:read",
        "dns:write",
        "dns:vouch",
    }
)

HOLDER = frozenset({"mail:own"})
"""What holding a mailbox and nothing else gives: the holder's own page, and no member at all. No role has it."""

INSIDE = frozenset(name for name in PERMISSIONS if name.endswith(":read")) - {
    "tokens:read",
    "users:read",
    "webhooks:read",
}
"""What may be held inside a member's view: looking, but not at how its people and programs come in."""

_READ_OWN = frozenset(
    {"members:read", "contracts:read", "orders:read", "services:read", "entitlements:read", "mail:read", "events:read"}
    | {"dns:read"}
)
ROLES: dict[str, frozenset[str]] = {
    "association_admin": PERMISSIONS - HOLDER,
    "provisioner": PERMISSIONS
    - HOLDER
    - {"users:write", "users:invite", "tokens:write", "nodes:write", "stepin:enter", "stepin:agree"}
    - {"records:export", "records:erase", "webhooks:write"},
    "support": _READ_OWN | {"nodes:read", "jobs:read", "stepin:enter"},
    "auditor": frozenset(name for name in PERMISSIONS if name.endswith(":read")) | {"records:export"},
    "member_admin": _READ_OWN
    | {"mail:write", "mail:password", "mail:restore", "tokens:read", "tokens:write", "users:read", "users:write"}
    | {"users:invite", "stepin:agree", "mail:takeover", "orders:write", "webhooks:read", "webhooks:write"}
    | {"imports:write", "dns:write"},
    "member_editor": _READ_OWN,
    "school_coordinator": _READ_OWN | {"mail:write", "mail:password", "imports:write"},
}


@dataclass(frozen=True, kw_only=True)
class Reach:
    """``permissions`` held on ``member_ids``; None: on every member and on what belongs to none."""

    permissions: frozenset[str]
    member_ids: frozenset[uuid.UUID] | None

    def covers(self, permission: str, member_id: uuid.UUID | None) -> bool:
        """Whether ``permission`` is held on rows of ``member_id`` (None: rows of no member)."""
        return permission in self.permissions and permission in PERMISSIONS and self.includes(member_id)

    def includes(self, member_id: uuid.UUID | None) -> bool:
        """Whether rows of ``member_id`` lie in it."""
        return self.member_ids is None or member_id in self.member_ids


@dataclass(frozen=True, kw_only=True)
class SteppedIn:
    """The member's view in which somebody of staff is for a time, by the step-in ``id``."""

    id: uuid.UUID
    member_id: uuid.UUID
    member_name: str


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """The one change that a member agreed to: what its event will be tagged, on which resource (None: a new one)."""

    permission: str
    member_id: uuid.UUID
    tag: str
    resource_id: uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One who asks, with what each of its grants reaches: a role on one member gives nothing on another.

    ``ref`` is ``user:UUID``, ``token:UUID``, ``cli:NAME`` or ``system:NAME``; ``name`` is shown to people. ``kinds``
    None allows every kind of resource. ``fresh``: a second factor was given a moment ago. ``mailbox_id``: the
    one mailbox of somebody who holds it and nothing else. ``stepped_in``: the person
    is in a member's view, where permissions outside ``INSIDE`` are held by nobody, save the one ``agreed`` to.
    """

    ref: str
    name: str
    grants: tuple[Reach, ...] = ()
    kinds: frozenset[str] | None = None
    user_id: uuid.UUID | None = None
    on_behalf_of: str | None = None
    fresh: bool = False
    mailbox_id: uuid.UUID | None = None
    stepped_in: SteppedIn | None = None
    agreed: Agreed | None = None

    def may(self, permission: str, member_id: uuid.UUID | None = None) -> bool:
        """Whether ``permission`` is held: on ``member_id`` where one is given, else anywhere at all."""
        if not self._is_open(permission, member_id):
            return False
        if member_id is None:
            return any(permission in grant.permissions and permission in PERMISSIONS for grant in self.grants)
        return any(grant.covers(permission, member_id) for grant in self.grants)

    def may_everywhere(self, permission: str) -> bool:
        """Whether ``permission`` is held on the whole association: staff, but for those in a member's view."""
        return self.stepped_in is None and any(grant.covers(permission, None) for grant in self.grants)

    def reaches(self, member_id: uuid.UUID | None) -> bool:
        """Whether rows of ``member_id`` (None: of no member) are in the scope of any grant."""
        return any(grant.includes(member_id) for grant in self.grants)

    @property
    def reaches_all(self) -> bool:
        """Whether some grant is on the whole association: staff."""
        return any(grant.member_ids is None for grant in self.grants)

    def _is_open(self, permission: str, member_id: uuid.UUID | None) -> bool:
        """Whether the place where the person is lets this permission through at all."""
        if self.stepped_in is None or permission in INSIDE:
            return True
        agreed = self.agreed
        return agreed is not None and (permission, member_id) == (agreed.permission, agreed.member_id)


SYSTEM = Actor(ref="system:panel", name="panel", grants=(Reach(permissions=PERMISSIONS, member_ids=None),), fresh=True)


def require(actor: Actor, permission: str, member_id: uuid.UUID | None = None, *, staff: bool = False) -> None:
    """Go on only if ``actor`` holds ``permission`` on ``member_id``, or on the whole association if ``staff`` is asked.

    Raises NotFound when the member is out of reach (foreign looks like absent), NotAllowed when only the permission is
    missing.
    """
    if member_id is not None and not actor.reaches(member_id):
        raise NotFound("not_found")
    if not actor.may(permission, member_id) or (staff and not actor.may_everywhere(permission)):
        raise NotAllowed("not_allowed", permission=permission)


def require_on(actor: Actor, permission: str, member_id: uuid.UUID | None) -> None:
    """Go on only if ``actor`` holds ``permission`` on a row of ``member_id``; a row of no member is the staff's alone.

    Raises NotFound and NotAllowed as ``require`` does.
    """
    if not actor.reaches(member_id):
        raise NotFound("not_found")
    if not (actor.may_everywhere(permission) if member_id is None else actor.may(permission, member_id)):
        raise NotAllowed("not_allowed", permission=permission)


def require_agreed(actor: Actor, tag: str, resource_id: uuid.UUID | None) -> None:
    """Go on only if what is about to be recorded is what the member agreed to, where the actor acts by agreement.

    Every change of whatever kind records an event, so no action gets past this. Raises NotAllowed ``not_agreed``.
    """
    agreed = actor.agreed
    if agreed is not None and (tag != agreed.tag or agreed.resource_id not in (None, resource_id)):
        raise NotAllowed("not_agreed", permission=tag)


def require_kind(actor: Actor, kind: str) -> None:
    """Go on only if the actor's token covers resources of ``kind``."""
    if actor.kinds is not None and kind not in actor.kinds:
        raise NotAllowed("not_allowed", permission=kind)


def scoped(actor: Actor, permission: str, query: Select[Any], column: Any) -> Select[Any]:
    """``query`` narrowed to rows whose ``column`` (a member's id) lies where ``permission`` is held.

    Raises NotAllowed where it is held nowhere.
    """
    require(actor, permission)
    if actor.may_everywhere(permission):
        return query
    reached = [grant.member_ids or frozenset() for grant in actor.grants if permission in grant.permissions]
    members = reached[0] if len(reached) == 1 else frozenset().union(*reached)
    return query.where(one_of(column, members)) if members else query.where(false())
