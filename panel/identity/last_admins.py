"""Members whose last administrator goes: nobody is kept from going, but the staff are told."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import select

from panel.identity.models import Grant, Role, User
from panel.kernel.db import db
from panel.ledger.notices import tell_holders
from panel.members.models import Member

MEMBER_ADMIN = "member_admin"


def admins_left(member_id: uuid.UUID) -> list[Grant]:
    """Who still looks after this very member without an end: roles on a member above it do not count."""
    query = (
        select(Grant)
        .join(Role, Role.id == Grant.role_id)
        .join(User, User.id == Grant.user_id)
        .where(Grant.member_id == member_id, Role.name == MEMBER_ADMIN, Grant.until.is_(None), User.active.is_(True))
    )
    return list(db.session.scalars(query).unique())


def tell_of_last(gone: Iterable[Grant]) -> None:
    """Tell the staff of each member that has no administrator any more now that these grants end.

    Call it within the unit of work that ends them, after it did.
    """
    db.session.flush()
    for member_id in {grant.member_id for grant in gone if grant.role.name == MEMBER_ADMIN and grant.member_id}:
        member = db.session.get(Member, member_id)
        if member is not None and not admins_left(member_id):
            tell_holders("member:no_admin", "users:write", None, member=member.name)
