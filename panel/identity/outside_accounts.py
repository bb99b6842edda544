"""Which account somebody from an outside provider is: linked while signed in or by an invitation, never by e-mail."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update

from panel.identity.accepting import accept_without_password, find_invitation
from panel.identity.factors import has_factor
from panel.identity.models import User
from panel.identity.outside import Somebody
from panel.identity.providers import OutsideLink, allows, allows_member
from panel.kernel.access import Actor
from panel.kernel.db import db, new_id, one_at_a_time, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, NotAllowed, NotFound
from panel.ledger.events import record
from panel.ledger.notices import tell_user


def account_of(somebody: Somebody) -> User:
    """The user linked to ``somebody``, who may sign in by this provider.

    Raises Conflict: ``outside_unknown`` (linked to nobody here, or to one who may not come in), ``outside_not_allowed``
    (this provider may not speak for the user's members), ``outside_needs_factor`` (staff without a factor of ours).
    """
    link = _link_of(somebody)
    user = None if link is None else db.session.get(User, link.user_id)
    if link is None or user is None or not user.active:
        raise Conflict("outside_unknown")
    if not allows(somebody.provider, user):
        raise Conflict("outside_not_allowed")
    if any(grant.member_id is None for grant in user.grants) and not has_factor(user):
        raise Conflict("outside_needs_factor")
    with unit_of_work():
        db.session.execute(update(OutsideLink).where(OutsideLink.id == link.id).values(last_used_at=utcnow()))
    return user


def link_account(actor: Actor, somebody: Somebody) -> OutsideLink:
    """Link the signed-in user to ``somebody``. Raises NotAllowed without fresh factor, Conflict.

    The user must be the one who left for the provider: whoever signed in meanwhile is linked to nobody.
    """
    if actor.user_id is None or actor.on_behalf_of is not None or not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="account")
    if somebody.pending.purpose != "link" or somebody.pending.subject_of != str(actor.user_id):
        raise Conflict("outside_over")
    with unit_of_work():
        one_at_a_time("outside links")
        user = read_row(User, actor.user_id, for_change=True)
        if user is None or not user.active:
            raise NotFound("not_found")
        if not allows(somebody.provider, user):
            raise Conflict("outside_not_allowed")
        return _add(actor, user, somebody)


def join(somebody: Somebody, *, name: str) -> User:
    """Make the account that the invitation of ``somebody`` offers, without a password, and link it. Raises Conflict."""
    token = somebody.pending.subject_of
    if somebody.pending.purpose != "join":
        raise Conflict("outside_over")
    if not allows_member(somebody.provider, find_invitation(token).member_id):
        raise Conflict("outside_not_allowed")
    with unit_of_work():
        one_at_a_time("outside links")
        user = accept_without_password(token, name=name)
        who = Actor(ref=f"user:{user.id}", name=user.name or user.email, user_id=user.id)
        _add(who, user, somebody)
    return user


def links_of(user_id: uuid.UUID) -> list[OutsideLink]:
    """What ``user_id`` is linked to."""
    return list(db.session.scalars(select(OutsideLink).where(OutsideLink.user_id == user_id).order_by(OutsideLink.id)))


def unlink_account(actor: Actor, link_id: uuid.UUID) -> None:
    """Take a link of one's own away. Raises NotFound, Conflict ``last_way_in`` where there would be none left."""
    if not actor.fresh or actor.on_behalf_of is not None:
        raise NotAllowed("fresh_factor_needed", permission="account")
    with unit_of_work():
        link = db.session.get(OutsideLink, link_id)
        if link is None or link.user_id != actor.user_id:
            raise NotFound("not_found")
        user = db.session.get_one(User, link.user_id)
        if user.password is None and len(links_of(user.id)) == 1:
            raise Conflict("last_way_in")
        db.session.delete(link)
        _tell(actor, user, link.provider.name, "remove")


def _link_of(somebody: Somebody) -> OutsideLink | None:
    here = OutsideLink.provider_id == somebody.provider.id, OutsideLink.subject == somebody.subject
    return db.session.scalar(select(OutsideLink).where(*here))


def _add(actor: Actor, user: User, somebody: Somebody) -> OutsideLink:
    found = _link_of(somebody)
    if found is not None:
        if found.user_id != user.id:
            raise Conflict("outside_taken")
        return found
    link = OutsideLink(id=new_id(), provider_id=somebody.provider.id, subject=somebody.subject, user_id=user.id)
    db.session.add(link)
    _tell(actor, user, somebody.provider.name, "add")
    return link


def _tell(actor: Actor, user: User, provider: str, action: str) -> None:
    record(actor, f"identity:link:{action}", kind="user", resource_id=user.id, name=user.email, provider=provider)
    happened = utcnow().isoformat(timespec="seconds")
    tell_user(f"account:outside_{action}", user.id, provider=provider, happened_at=happened)
