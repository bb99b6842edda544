"""How far a member's services are held back: one grade for each member, and why.

A grade stands on the member; each kind's ``desired`` reads it. Nothing else is changed by it, so that lifting it makes
each resource what it was.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select, update

from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import Invalid, NotFound
from panel.kernel.text import one_line, to_ascii
from panel.ledger.events import record
from panel.ledger.grading import raise_generations
from panel.members.models import GRADES, Member
from provisioning.resources import NOTICE_MAX

ON_NODES = ("no_send", "no_login", "closed")
"""The grades of which nodes know; the mildest is the panel's own business."""

TEXT_MOST = 200


def set_grade(actor: Actor, member_id: uuid.UUID, *, grade: str | None, reason: str = "", contact: str = "") -> Member:
    """Hold a member's services back as far as ``grade`` says, or no more (None); the same again changes nothing.

    ``reason`` and ``contact`` are shown to those whom it stops, on nodes without Polish letters. Its statutory address
    is never held back. Raises Invalid, NotFound, NotAllowed.
    """
    require(actor, "contracts:write", member_id, staff=True)
    wanted = _checked(grade, reason, contact)
    with unit_of_work() as work:
        member = _locked(member_id)
        before = {name: getattr(member, name) for name in wanted}
        if before == wanted:
            return member
        since = member.grade_since if member.grade == grade else None if grade is None else database_now()
        db.session.execute(update(Member).where(Member.id == member_id).values(**wanted, grade_since=since))
        db.session.refresh(member)
        if _node_sees(before) != _node_sees(wanted):
            raise_generations(work, actor, member_id)
        _tell(actor, member, before["grade"])
    return member


def _checked(grade: str | None, reason: str, contact: str) -> dict[str, Any]:
    if grade is not None and grade not in GRADES:
        raise Invalid("choice", field="grade", choices=", ".join(GRADES))
    texts = {
        "grade_reason": one_line("reason", reason, most=TEXT_MOST),
        "grade_contact": one_line("contact", contact, most=TEXT_MOST),
    }
    if grade is None:
        return {"grade": None, "grade_reason": "", "grade_contact": "", "grade_notice": ""}
    notice = to_ascii(" - ".join(text for text in texts.values() if text))[:NOTICE_MAX].strip()
    return {"grade": grade, **texts, "grade_notice": notice}


def _locked(member_id: uuid.UUID) -> Member:
    """Keep others from adding resources to the member meanwhile, which the new generations would pass by.

    Whoever adds one holds its member's key (a foreign key's lock), so only the whole row's lock waits for them.
    """
    query = select(Member).where(Member.id == member_id).execution_options(populate_existing=True)
    member = db.session.scalars(query.with_for_update(of=Member)).unique().one_or_none()
    if member is None:
        raise NotFound("not_found")
    return member


def _node_sees(values: dict[str, Any]) -> tuple[str, str] | None:
    return (values["grade"], values["grade_notice"]) if values["grade"] in ON_NODES else None


def _tell(actor: Actor, member: Member, before: str | None) -> None:
    record(
        actor,
        "members:member:grade",
        kind="member",
        resource_id=member.id,
        name=member.name,
        member_id=member.id,
        grade=member.grade or "",
        before=before or "",
        reason=member.grade_reason,
        contact=member.grade_contact,
    )
