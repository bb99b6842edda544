"""How far a member's services are held back: one grade for each member, and why.

A grade stands on the member; each kind's ``desired`` reads it. Nothing else is changed by it, so that lifting it makes
each resource what it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm.attributes import set_committed_value

from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, table_of, unit_of_work
from panel.kernel.errors import Invalid, NotFound
from panel.kernel.text import one_line, to_ascii
from panel.ledger.events import record_many
from panel.ledger.grading import raise_generations
from panel.members.models import GRADES, Member
from provisioning.resources import NOTICE_MAX

ON_NODES = ("no_send", "no_login", "closed")
"""The grades of which nodes know; the mildest is the panel's own business."""

TEXT_MOST = 200
AT_ONCE = 500
_WRITTEN = ("grade", "grade_reason", "grade_contact", "grade_notice", "grade_since")


@dataclass(frozen=True, kw_only=True)
class Grading:
    """How far a member is to be held back (None: not), and what those whom it stops are told."""

    grade: str | None
    reason: str = ""
    contact: str = ""


def set_grade(actor: Actor, member_id: uuid.UUID, *, grade: str | None, reason: str = "", contact: str = "") -> Member:
    """Hold a member's services back as far as ``grade`` says, or no more (None); the same again changes nothing.

    ``reason`` and ``contact`` are shown to those whom it stops, on nodes without Polish letters. Its statutory address
    is never held back. Raises Invalid, NotFound, NotAllowed.
    """
    with unit_of_work():
        set_grades(actor, {member_id: Grading(grade=grade, reason=reason, contact=contact)})
        return db.session.get_one(Member, member_id)


def set_grades(actor: Actor, wanted: Mapping[uuid.UUID, Grading]) -> list[uuid.UUID]:
    """``set_grade`` for many members, in a few statements; return those that changed."""
    for member_id in wanted:
        require(actor, "contracts:write", member_id, staff=True)
    values = {member_id: _checked(one.grade, one.reason, one.contact) for member_id, one in wanted.items()}
    with unit_of_work() as work:
        members = _locked(list(values))
        before = {id_: {name: getattr(member, name) for name in values[id_]} for id_, member in members.items()}
        changed = {id_: member for id_, member in members.items() if before[id_] != values[id_]}
        _write(changed.values(), values)
        for id_ in changed:
            if _node_sees(before[id_]) != _node_sees(values[id_]):
                raise_generations(work, actor, id_)
        record_many(actor, (_told(member, before[id_]["grade"]) for id_, member in changed.items()))
    return list(changed)


def _write(members: Collection[Member], values: Mapping[uuid.UUID, dict[str, Any]]) -> None:
    """Give members their new values, in the database and as they are held here; that is no edit of theirs."""
    table, now = table_of(Member), db.session.scalars(select(database_now())).one()
    rows = []
    for member in members:
        new = values[member.id]
        since = member.grade_since if member.grade == new["grade"] else None if new["grade"] is None else now
        rows.append(
            {"key": member.id} | {f"new_{name}": value for name, value in (new | {"grade_since": since}).items()}
        )
    if not rows:
        return
    binds = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in _WRITTEN}
    db.session.connection().execute(update(table).where(table.c.id == bindparam("key")).values(**binds), rows)
    for member, row in zip(members, rows, strict=True):
        for name in _WRITTEN:
            set_committed_value(member, name, row[f"new_{name}"])


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


def _locked(member_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Member]:
    """Keep others from adding resources to members meanwhile, which the new generations would pass by.

    Whoever adds one holds its member's key (a foreign key's lock), so only the whole row's lock waits for them.
    """
    found: dict[uuid.UUID, Member] = {}
    query = select(Member).order_by(Member.id).execution_options(populate_existing=True).with_for_update(of=Member)
    for start in range(0, len(member_ids), AT_ONCE):
        part = query.where(Member.id.in_(sorted(member_ids)[start : start + AT_ONCE]))
        found |= {member.id: member for member in db.session.scalars(part).unique()}
    if len(found) < len(member_ids):
        raise NotFound("not_found")
    return found


def _node_sees(values: dict[str, Any]) -> tuple[str, str] | None:
    return (values["grade"], values["grade_notice"]) if values["grade"] in ON_NODES else None


def _told(member: Member, before: str | None) -> dict[str, Any]:
    """The event of a change, as ``record_many`` takes it."""
    data = {"grade": member.grade or "", "before": before or "", "reason": member.grade_reason,
            "contact": member.grade_contact}  # fmt: skip
    return {"tag": "members:member:grade", "kind": "member", "resource_id": member.id, "name": member.name,
            "member_id": member.id, "data": data}  # fmt: skip
