"""Changes that somebody inside a member's view asked for: the member agrees to exactly one, with exactly its values.

What is agreed to is kept here with all its values; carrying it out takes them from here and from nowhere else.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, select

from panel.identity.actions import actor_for_user
from panel.identity.models import Grant, User
from panel.identity.step_ins import AskedAction, StepIn
from panel.identity.stepping_in import acts_for, find_inside
from panel.kernel.access import ROLES, Actor, Agreed, Reach, require, scoped
from panel.kernel.db import database_now, db, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, NotAllowed, NotFound
from panel.ledger.events import Event, record
from panel.ledger.notices import tell_holders
from panel.members.tree import reach_of

ASKED_MOST = 20
"""How many changes can be asked for during one stay."""


SETTLED_DAYS = 7
"""For so long whoever agrees has to have held the role, with nobody else changing how they sign in.

Without it, whoever gives roles could make an account of their own that agrees to what they ask for.
"""

_MADE_ANEW = ("identity:factor:remove-all", "identity:user:email-ask")
_BY_LINK = ("identity:user:password-reset", "identity:user:email-undo")
"""What others do to somebody's sign-in, and new passwords by links, which reach mailboxes that may be served here."""


def ask(
    actor: Actor,
    *,
    action: str,
    member_id: uuid.UUID,
    resource_id: uuid.UUID | None,
    resource_name: str,
    values: dict[str, Any],
) -> AskedAction:
    """Ask the member for one change, as somebody inside its view. Its administrators are told.

    ``action`` is the tag of the event that the change will record (``mail:mailbox:suspend``). Raises NotAllowed outside
    a view, NotFound where the member lies outside this one, Conflict ``asked_enough``.
    """
    with unit_of_work():
        step_in = _stay(actor)
        if not actor.reaches(member_id):
            raise NotFound("not_found")
        if len(step_in.asked) >= ASKED_MOST:
            raise Conflict("asked_enough")
        asked = AskedAction(
            step_in_id=step_in.id, action=action, member_id=member_id, resource_id=resource_id,
            resource_name=resource_name, values=values, asked_at=database_now(),
        )  # fmt: skip
        db.session.add(asked)
        db.session.flush()
        db.session.refresh(asked)
        _record(actor, asked, "ask")
        tell_holders("step_in:asked", "stepin:agree", step_in.member_id, staff=actor.name, member=step_in.member.name)
    return asked


def agree(actor: Actor, asked_id: uuid.UUID) -> AskedAction:
    """Agree to one change, as a person of the member with a fresh second factor of its own.

    Nobody of the staff can, whatever roles they hold, nor whoever asked, nor an account that was given the role or
    another way in lately. Raises NotFound, NotAllowed, Conflict ``decided_already``, ``stay_over``, ``not_settled``.
    """
    if not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="stepin:agree")
    asked = get_asked(actor, asked_id)
    _require_decider(actor, asked)
    if not is_settled(actor, asked):
        raise Conflict("not_settled", days=SETTLED_DAYS)
    return _decide(actor, asked_id, agreed=True)


def refuse(actor: Actor, asked_id: uuid.UUID) -> AskedAction:
    """Refuse one change; what was agreed to and is not done yet can be taken back by it."""
    return _decide(actor, asked_id, agreed=False)


def use(actor: Actor, asked_id: uuid.UUID) -> tuple[AskedAction, Actor]:
    """Use an agreement up, within the running unit of work: the change, and the actor that may make it and no other.

    Raises NotFound, NotAllowed (``not_agreed``, or outside the view), Conflict ``done_already``.
    """
    step_in = _stay(actor)
    asked = read_row(AskedAction, asked_id, for_change=True)
    if asked is None or asked.step_in_id != step_in.id or asked.member_id not in reach_of([step_in.member_id]):
        raise NotFound("not_found")
    if asked.agreed is not True:
        raise NotAllowed("not_agreed", permission=asked.action)
    if asked.done_at is not None:
        raise Conflict("done_already")
    asked.done_at = database_now()
    permission = "mail:write"
    allowed = Agreed(permission=permission, member_id=asked.member_id, tag=asked.action, resource_id=asked.resource_id)
    reach = Reach(permissions=frozenset({permission}), member_ids=frozenset({asked.member_id}))
    return asked, replace(actor, agreed=allowed, grants=(*actor.grants, reach))


def get_asked(actor: Actor, asked_id: uuid.UUID) -> AskedAction:
    """One of ``asked_query``. Raises NotFound."""
    asked = db.session.scalar(asked_query(actor).where(AskedAction.id == asked_id))
    if asked is None:
        raise NotFound("not_found")
    return asked


def asked_query(
    actor: Actor, *, step_in_id: uuid.UUID | None = None, member_id: uuid.UUID | None = None, waiting: bool = False
) -> Select[AskedAction]:
    """The changes asked of members in scope, newest first; ``waiting``: only those still to be decided."""
    stays = scoped(actor, "events:read", select(StepIn.id), StepIn.member_id)
    stays = stays if member_id is None else stays.where(StepIn.member_id == member_id)
    stays = stays.where(StepIn.is_open()) if waiting else stays
    query = select(AskedAction).where(AskedAction.step_in_id.in_(stays)).order_by(AskedAction.id.desc())
    query = query.where(AskedAction.agreed.is_(None)) if waiting else query
    return query if step_in_id is None else query.where(AskedAction.step_in_id == step_in_id)


def is_settled(actor: Actor, asked: AskedAction) -> bool:
    """Whether the actor acts for the member for long enough, by an account that is what it was all that time."""
    lately = database_now(-SETTLED_DAYS * 24 * 3600)
    held = select(Grant).where(Grant.user_id == actor.user_id, Grant.granted_at <= lately)
    old = [grant for grant in db.session.scalars(held).unique() if _speaks(grant, asked)]
    others = Event.tag.in_(_MADE_ANEW) & (Event.actor != f"user:{actor.user_id}")
    changes = select(Event.id).where(Event.resource_kind == "user", Event.resource_id == actor.user_id)
    changed = changes.where(Event.at > lately, Event.tag.in_(_BY_LINK) | others).limit(1)
    return bool(old) and db.session.scalar(changed) is None


def _speaks(grant: Grant, asked: AskedAction) -> bool:
    """Whether a role speaks for the member of the stay and for the one the change is about."""
    if grant.member_id is None or "stepin:agree" not in ROLES.get(grant.role.name, ()):
        return False
    return grant.holds_at(utcnow()) and {asked.step_in.member_id, asked.member_id} <= reach_of([grant.member_id])


def _decide(actor: Actor, asked_id: uuid.UUID, *, agreed: bool) -> AskedAction:
    with unit_of_work():
        asked = get_asked(actor, asked_id)
        step_in = read_row(StepIn, asked.step_in_id, for_change=True)
        asked = read_row(AskedAction, asked_id, for_change=True) or asked
        _require_decider(actor, asked)
        if step_in is None or not db.session.scalar(select(StepIn.id).where(StepIn.id == step_in.id, StepIn.is_open())):
            raise Conflict("stay_over")
        if asked.done_at is not None or (asked.agreed is not None and (agreed or asked.agreed == agreed)):
            raise Conflict("decided_already")
        asked.agreed, asked.decided_by, asked.decided_at = agreed, actor.user_id, database_now()
        db.session.flush()
        db.session.refresh(asked)
        _record(actor, asked, "agree" if agreed else "refuse")
    return asked


def may_decide(actor: Actor, asked: AskedAction) -> bool:
    """Whether the actor is somebody of the member who can answer: to offer it, not to allow it."""
    try:
        _require_decider(actor, asked)
    except (NotAllowed, NotFound):
        return False
    return True


def _require_decider(actor: Actor, asked: AskedAction) -> None:
    member_id = asked.step_in.member_id
    require(actor, "stepin:agree", member_id)
    own = acts_for(actor, member_id) and acts_for(actor, asked.member_id)
    if actor.reaches_all or not own or actor.user_id is None or actor.user_id == asked.step_in.user_id:
        raise NotAllowed("member_decides", permission="stepin:agree")
    if actor.ref != f"user:{actor.user_id}":
        raise NotAllowed("member_decides", permission="stepin:agree")


def _stay(actor: Actor) -> StepIn:
    """The stay the actor acts in, held until the unit of work ends. Raises NotAllowed where it is over by now."""
    user = None if actor.user_id is None else db.session.get(User, actor.user_id, populate_existing=True)
    if user is None or actor.stepped_in is None:
        raise NotAllowed("only_inside", permission="stepin:enter")
    step_in = find_inside(user, actor.stepped_in.id, for_change=True)
    if step_in is None or not actor_for_user(user).may("stepin:enter", step_in.member_id):
        raise NotAllowed("stay_over", permission="stepin:enter")
    return step_in


def _record(actor: Actor, asked: AskedAction, action: str) -> None:
    record(actor, f"identity:step_in:{action}", kind=asked.action.split(":")[1], resource_id=asked.resource_id,
           name=asked.resource_name, member_id=asked.member_id, change=asked.action, **asked.values)  # fmt: skip
