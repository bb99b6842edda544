"""Whether a member is held back, and the words for whoever is stopped by it."""

from __future__ import annotations

import uuid
from typing import Any

from flask import current_app
from sqlalchemy import Row, Select, select

from panel.kernel.access import Actor, scoped
from panel.kernel.db import db
from panel.kernel.errors import Conflict
from panel.members.models import Member


def require_not_held(member_id: uuid.UUID) -> None:
    """Go on only if the member may have something new. Raises Conflict ``member_held`` with reason and contact."""
    query = select(Member.grade, Member.grade_reason, Member.grade_contact).where(Member.id == member_id)
    row = db.session.execute(query).one_or_none()
    if row is not None and row.grade is not None:
        settings = current_app.config["CIS"]
        contact = row.grade_contact or settings.association_contact or settings.association_name
        raise Conflict("member_held", level=row.grade, reason=row.grade_reason, contact=contact)


def held_members(actor: Actor) -> list[Row[Any]]:
    """The actor's own members that are held back: ``id``, ``name``, ``grade``, ``grade_reason``, ``grade_contact``.

    None for whoever acts for the whole association: a list of contracts shows those.
    """
    if actor.may_everywhere("members:read") or not actor.may("members:read"):
        return []
    columns: tuple[Any, ...] = (Member.id, Member.name, Member.grade, Member.grade_reason, Member.grade_contact)
    query: Select[Any] = select(*columns)
    query = scoped(actor, "members:read", query, Member.id)
    return list(db.session.execute(query.where(Member.grade.is_not(None)).order_by(Member.name).limit(5)))
