"""Staff in a member's view: entering with a reason, for a time, to look; what that shows; and its end.

Whoever is inside is two: the person of the staff, who acts (``Actor.ref``), and the member, on whose behalf
(``Actor.on_behalf_of``). The database's clock ends a stay, whatever page is open by then.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, select, update

from panel.identity.actions import actor_for_user
from panel.identity.models import User
from panel.identity.sessions import UserSession
from panel.identity.step_ins import StepIn
from panel.kernel.access import INSIDE, ROLES, Actor, Reach, SteppedIn, require, scoped
from panel.kernel.db import database_now, db, one_at_a_time, read_row, unit_of_work
from panel.kernel.errors import Conflict, NotAllowed, NotFound
from panel.kernel.text import one_line
from panel.ledger.events import record
from panel.ledger.notices import tell_holders
from panel.members.actions import get_member
from panel.members.tree import reach_of

MINUTES = 30
REASON_LEAST, REASON_MOST, TICKET_MOST = 10, 500, 100


def enter(
    actor: Actor, member_id: uuid.UUID, *, reason: str, ticket: str = "", session_id: uuid.UUID | None = None
) -> StepIn:
    """Enter the view of a member for half an hour. Its administrators are told at once.

    Only a person in the pages can, with a fresh second factor, who acts for that member by no role of its own, and who
    is in no view yet. Raises Invalid (``reason``, ``ticket``), NotAllowed, NotFound, Conflict ``inside_already``.
    """
    _require_may_enter(actor, member_id)
    reason = one_line("reason", reason, least=REASON_LEAST, most=REASON_MOST)
    ticket = one_line("ticket", ticket, most=TICKET_MOST)
    member = get_member(actor, member_id)
    with unit_of_work():
        one_at_a_time(f"step_in:{actor.user_id}")
        _close(StepIn.user_id == actor.user_id, StepIn.until <= database_now(), by="limit")
        if db.session.scalar(select(StepIn.id).where(StepIn.user_id == actor.user_id, StepIn.is_open())) is not None:
            raise Conflict("inside_already")
        step_in = StepIn(
            user_id=actor.user_id, member_id=member_id, session_id=session_id, reason=reason, ticket=ticket,
            opened_at=database_now(), until=database_now(MINUTES * 60),
        )  # fmt: skip
        db.session.add(step_in)
        db.session.flush()
        db.session.refresh(step_in)
        record(actor, "identity:step_in:begin", kind="member", resource_id=member_id, name=member.name,
               member_id=member_id, reason=reason, ticket=ticket)  # fmt: skip
        tell_holders("step_in:begun", "stepin:agree", member_id, staff=actor.name, member=member.name, reason=reason,
                     until_at=step_in.until.isoformat())  # fmt: skip
    return step_in


def find_inside(
    user: User, step_in_id: uuid.UUID, *, session_id: uuid.UUID | None = None, for_change: bool = False
) -> StepIn | None:
    """The stay of ``user`` by that id, if it goes on and the right to it is still held; None once it is over.

    ``session_id``: the sign-in that asks; in another than the one that entered, it is no stay.

    The first look after its time, or after the right was lost, writes down that it ended.
    """
    step_in = read_row(StepIn, step_in_id, for_change=for_change)
    if step_in is None or step_in.user_id != user.id or step_in.ended_at is not None:
        return None
    if session_id is not None and session_id != step_in.session_id:
        return None
    why = _over(user, step_in)
    if why is None:
        return step_in
    with unit_of_work():
        _close(StepIn.id == step_in_id, by=why)
    return None


def actor_inside(user: User, step_in: StepIn) -> Actor:
    """``user`` in the view of the member: what an administrator of it sees, of that only what staff sees too.

    Nothing above the member, nothing to change, nothing about how people and programs sign in.
    """
    own = actor_for_user(user)
    below = reach_of([step_in.member_id])
    shown = ROLES["member_admin"] & INSIDE
    return replace(
        own,
        grants=tuple(
            Reach(
                permissions=grant.permissions & shown,
                member_ids=below if grant.member_ids is None else below & grant.member_ids,
            )
            for grant in own.grants
        ),
        on_behalf_of=f"member:{step_in.member_id}",
        stepped_in=SteppedIn(id=step_in.id, member_id=step_in.member_id, member_name=step_in.member.name),
    )


def end(actor: Actor, step_in_id: uuid.UUID, *, by: str | None = None) -> StepIn:
    """End a stay at once: one's own, or, as a person of the member, anybody's. Twice changes nothing.

    ``by`` names the cause where it is neither (``sign_out``). Raises NotFound.
    """
    with unit_of_work():
        step_in = read_row(StepIn, step_in_id, for_change=True)
        own = step_in is not None and step_in.user_id == actor.user_id
        if step_in is None or not (own or actor.may("stepin:agree", step_in.member_id)):
            raise NotFound("not_found")
        _close(StepIn.id == step_in_id, StepIn.until <= database_now(), by="limit")
        _close(StepIn.id == step_in_id, by=by or ("member" if acts_for(actor, step_in.member_id) else "staff"))
        db.session.refresh(step_in)
        return step_in


def close_over(actor: Actor) -> int:
    """Write down the end of stays whose time is over, whose sign-in was ended, or whose person may sign in no more.

    Nobody was inside them any more. Returns how many.
    """
    require(actor, "stepin:enter", staff=True)
    ended = select(UserSession.id).where(UserSession.ended_at.is_not(None))
    with unit_of_work():
        over = _close(StepIn.until <= database_now(), by="limit")
        over += _close(StepIn.user_id.in_(select(User.id).where(User.active.is_(False))), by="right")
        return len(over + _close(StepIn.session_id.in_(ended), by="sign_out"))


def count_page(step_in_id: uuid.UUID) -> None:
    """Count one page opened inside."""
    with unit_of_work():
        db.session.execute(update(StepIn).where(StepIn.id == step_in_id).values(pages=StepIn.pages + 1))


def step_ins_query(
    actor: Actor, *, member_id: uuid.UUID | None = None, user_id: uuid.UUID | None = None, going_on: bool = False
) -> Select[StepIn]:
    """The stays in the views of members in scope, newest first; ``going_on``: only those that are not over."""
    query = scoped(actor, "events:read", select(StepIn), StepIn.member_id).order_by(StepIn.id.desc())
    for column, value in ((StepIn.member_id, member_id), (StepIn.user_id, user_id)):
        query = query if value is None else query.where(column == value)
    return query.where(StepIn.is_open()) if going_on else query


def _require_may_enter(actor: Actor, member_id: uuid.UUID) -> None:
    if actor.stepped_in is not None:
        raise NotAllowed("closed_inside", permission="stepin:enter")
    require(actor, "stepin:enter", member_id)
    if actor.user_id is None or actor.ref != f"user:{actor.user_id}":
        raise NotAllowed("not_allowed", permission="stepin:enter")
    if acts_for(actor, member_id):
        raise NotAllowed("own_member", permission="stepin:enter")
    if not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="stepin:enter")


def acts_for(actor: Actor, member_id: uuid.UUID) -> bool:
    """Whether the actor speaks for that member by a role on it or above it, the whole association left aside."""
    return any(grant.member_ids is not None and grant.covers("stepin:agree", member_id) for grant in actor.grants)


def _over(user: User, step_in: StepIn) -> str | None:
    """Why the stay is over though nobody ended it; None where it goes on."""
    if not db.session.scalar(select(StepIn.until > database_now()).where(StepIn.id == step_in.id)):
        return "limit"
    return None if actor_for_user(user).may("stepin:enter", step_in.member_id) else "right"


def _close(*which: Any, by: str) -> list[StepIn]:
    """End the open stays among ``which`` and record each; one that its time ended, ended then."""
    ended = StepIn.until if by == "limit" else database_now()
    closed = db.session.scalars(
        update(StepIn)
        .where(*which, StepIn.ended_at.is_(None))
        .values(ended_at=ended, ended_by=by)
        .returning(StepIn.id),
        execution_options={"synchronize_session": False},
    ).all()
    rows = [row for row in (read_row(StepIn, step_in_id) for step_in_id in closed) if row is not None]
    _record_ends(rows, by)
    return rows


def _record_ends(rows: Iterable[StepIn], by: str) -> None:
    for row in rows:
        who = Actor(ref=f"user:{row.user_id}", name=row.user.name or row.user.email)
        record(who, "identity:step_in:end", kind="member", resource_id=row.member_id, name=row.member.name,
               member_id=row.member_id, ended_by=by, pages=row.pages)  # fmt: skip
