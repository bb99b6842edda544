"""One change of many mailboxes: a few statements, an event for each, one job for each node."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import case, select, update

from panel.kernel.access import Actor
from panel.kernel.db import Work, db, unit_of_work, utcnow
from panel.kernel.errors import Conflict
from panel.ledger import usage
from panel.ledger.events import record_many
from panel.ledger.jobs import Job, request_job
from panel.ledger.names import Name
from panel.mail.activation import issue_links
from panel.mail.choosing import ChangePlan, Choice, Wish, judged, plan_changes, portions, read, room_wanted
from panel.mail.models import ADDRESSES, ActivationLink, Alias, Mailbox
from panel.mail.use import LEVELS
from panel.members.models import Member

_RENEWED: dict[str, Any] = {
    "problem_code": None,
    "problem_message": None,
    "problem_since": None,
    "retry_at": None,
    "plan_id": None,
    "attempts": 0,
}
"""As ``ResourceColumns.change`` forgets it."""


@dataclass(frozen=True, kw_only=True)
class ChangedMany:
    """What was done, by which jobs, and the tokens of links that were issued, by mailbox; they are shown this once."""

    plan: ChangePlan
    jobs: list[Job]
    tokens: dict[uuid.UUID, str] = field(default_factory=dict, repr=False)


def change_mailboxes(actor: Actor, wish: Wish, choice: Choice, *, digest: str | None = None) -> ChangedMany:
    """Do ``wish`` to all mailboxes chosen that it can be done to; the others stay as they are.

    ``digest``: that of the plan somebody looked at. Raises Conflict ``changes_other`` where it would do something else
    now, and what ``plan_changes`` raises.
    """
    planned = plan_changes(actor, wish, choice)
    with unit_of_work() as work:
        plan = _locked(planned)
        if digest is not None and plan.digest != digest:
            raise Conflict("changes_other")
        rows = [line.row for line in plan.of("change")]
        ids = [row.id for row in rows]
        tokens = _links(ids) if wish.action == "activation" else _write(wish, ids)
        for member_id, room in room_wanted(wish, rows).items():
            usage.add(member_id, room)
        _record(actor, wish, rows)
        jobs = [] if wish.action == "activation" else _jobs(work, actor, wish, rows)
    db.session.expire_all()  # what was read before is older than what the statements wrote
    return ChangedMany(plan=plan, jobs=jobs, tokens=tokens)


def _locked(plan: ChangePlan) -> ChangePlan:
    """The same plan on the rows as they are now and stay until the unit of work ends: members first, then mailboxes."""
    members = sorted({line.row.member_id for line in plan.lines if line.row.member_id is not None})
    for some in portions(members):
        db.session.execute(
            select(Member.id).where(Member.id.in_(some)).order_by(Member.id).with_for_update(key_share=True)
        )
    rows = {row.id: row for row in read(sorted(line.row.id for line in plan.lines), for_change=True)}
    return judged(plan.wish, [rows[line.row.id] for line in plan.lines if line.row.id in rows])


def _write(wish: Wish, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Want of these mailboxes what is wished, and with removal and return the same of the addresses that go along."""
    for some in portions(ids):
        db.session.connection().execute(
            update(Mailbox)
            .where(Mailbox.id.in_(some))
            .values(wanted_generation=Mailbox.wanted_generation + 1, updated_at=utcnow(), **_RENEWED, **_values(wish))
        )
        if wish.action in ("remove", "restore"):
            _want_aliases(some, "remove" if wish.action == "remove" else "put")
        if wish.action == "remove":
            _void_links(some)
    return {}


def _values(wish: Wish) -> dict[str, Any]:
    now = utcnow()
    if wish.action == "remove":
        until = now + timedelta(days=current_app.config["CIS"].grace_days)
        return {"want": "remove", "removed_at": now, "purge_at": until}
    if wish.action == "restore":
        return {"want": "put", "removed_at": None, "purge_at": None}
    if wish.action == "quota":
        told = [(100 * Mailbox.held_mb >= level * (wish.quota_mb or 0), level) for level in LEVELS]
        return {"quota_mb": wish.quota_mb, "use_told": case(*told, else_=0)}
    return {"suspended_at": now if wish.action == "suspend" else None}


def _want_aliases(mailbox_ids: Sequence[uuid.UUID], want: str) -> None:
    """As ``aliases.want_aliases`` does for one: those given up stay gone."""
    held = select(Name.holder_id).where(Name.space == ADDRESSES, Name.name == Alias.address, Name.holder_id == Alias.id)
    db.session.connection().execute(
        update(Alias)
        .where(Alias.mailbox_id.in_(mailbox_ids), held.exists())
        .values(want=want, wanted_generation=Alias.wanted_generation + 1, updated_at=utcnow(), **_RENEWED)
    )


def _links(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """New links for these mailboxes, earlier ones void; their tokens."""
    for some in portions(ids):
        _void_links(some)
    return issue_links(ids)


def _void_links(mailbox_ids: Sequence[uuid.UUID]) -> None:
    waiting = (ActivationLink.consumed_at.is_(None), ActivationLink.voided_at.is_(None))
    db.session.connection().execute(
        update(ActivationLink).where(ActivationLink.mailbox_id.in_(mailbox_ids), *waiting).values(voided_at=utcnow())
    )


def _record(actor: Actor, wish: Wish, rows: Sequence[Any]) -> None:
    told = {"quota_mb": wish.quota_mb} if wish.action == "quota" else {}
    same = {"tag": f"mail:mailbox:{wish.action}", "kind": "mailbox", "data": told}
    record_many(
        actor,
        ({**same, "resource_id": row.id, "name": row.address, "member_id": row.member_id} for row in rows),
    )


def _jobs(work: Work, actor: Actor, wish: Wish, rows: Sequence[Any]) -> list[Job]:
    """One job for each node; it is a member's own where all that it is about are."""
    owners: dict[uuid.UUID, set[uuid.UUID | None]] = {}
    for row in rows:
        owners.setdefault(row.node_id, set()).add(row.member_id)
    return [
        request_job(
            work,
            node_id=node_id,
            cause=f"mail:mailbox:{wish.action}",
            actor=actor,
            member_id=next(iter(members)) if len(members) == 1 else None,
            resource_kind="mailbox",
        )
        for node_id, members in owners.items()
    ]
