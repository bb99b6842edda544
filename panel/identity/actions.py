"""People and tokens: making users, granting roles, and finding out who asks."""

from __future__ import annotations

import ipaddress
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select

from panel.identity.addresses import is_taken
from panel.identity.models import ApiToken, Grant, Role, User
from panel.kernel.access import PERMISSIONS, ROLES, Actor, Reach, require
from panel.kernel.db import db, new_id, one_at_a_time, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.kernel.passwords import new_token, token_digest
from panel.kernel.text import one_line
from panel.ledger.events import record
from panel.members.models import Member
from panel.members.tree import NO_TREE, Tree, tree_now

TOKEN_DAYS_MAX = 366
NAME_MAX = 100
_USE_RECORDED_EVERY = timedelta(minutes=1)


def actor_for_user(user: User, *, fresh: bool = False, lasting: datetime | None = None) -> Actor:
    """The actor a signed-in user is: the permissions of the user's grants on everything those grants reach.

    ``lasting``: only by grants that still hold then; now if not said.
    """
    return _actor(user, _tree_for(user), fresh=fresh, lasting=lasting)


def actor_for_token(secret: str, *, address: str | None) -> Actor | None:
    """The actor behind a bearer token used from ``address``; None for any reason for which it is not good."""
    token = db.session.scalar(select(ApiToken).where(ApiToken.digest == token_digest(secret)))
    now = utcnow()
    if token is None or token.revoked_at is not None or token.expires_at <= now or not token.maker.active:
        return None
    if token.networks and not _in_networks(address, token.networks):
        return None
    if token.last_used_at is None or token.last_used_at < now - _USE_RECORDED_EVERY:
        with unit_of_work():
            token.last_used_at = now
    return _actor_of(token)


def actor_by_token(token: ApiToken) -> Actor | None:
    """The actor that ``token`` stands for by now, for what was asked with it earlier; None where it has ended."""
    ended = token.revoked_at is not None or token.expires_at <= utcnow() or not token.maker.active
    return None if ended else _actor_of(token)


def _actor_of(token: ApiToken) -> Actor:
    tree = _tree_for(token.maker, token.member_id)
    maker = _actor(token.maker, tree)
    return Actor(
        ref=f"token:{token.id}",
        name=f"{maker.name} ({token.name})",
        grants=_narrowed(maker, token, tree),
        kinds=None if token.kinds is None else frozenset(token.kinds),
        user_id=token.maker_id,
        fresh=True,
    )


def tokens_query(actor: Actor) -> Select[ApiToken]:
    """The tokens in scope, newest first; people without the whole association in reach see their own."""
    require(actor, "tokens:read")
    query = select(ApiToken).order_by(ApiToken.id.desc())
    return query if actor.reaches_all else query.where(ApiToken.maker_id == actor.user_id)


def create_token(
    actor: Actor,
    *,
    role: str,
    member_id: uuid.UUID | None = None,
    name: str = "",
    kinds: Sequence[str] | None = None,
    networks: Sequence[str] | None = None,
    expires_in_days: int = 90,
) -> tuple[ApiToken, str]:
    """Make a token; the secret is returned this once. What a token makes is bound to that one's kinds and networks.

    Raises NotAllowed where the role holds more than the maker does or no fresh second factor was given, Invalid naming
    the field.
    """
    require(actor, "tokens:write", member_id)
    if actor.user_id is None or not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="tokens:write")
    _check_token(actor, role, member_id, networks, expires_in_days)
    _require_within(actor, kinds, networks)
    name = one_line("name", name, most=NAME_MAX)
    secret = "cis_" + new_token()
    with unit_of_work():
        token = ApiToken(
            id=new_id(),
            name=name,
            digest=token_digest(secret),
            maker_id=actor.user_id,
            member_id=member_id,
            role=role,
            kinds=None if kinds is None else list(kinds),
            networks=None if networks is None else list(networks),
            expires_at=utcnow() + timedelta(days=expires_in_days),
        )
        db.session.add(token)
        _record_token(actor, token, "create", role=role)
    return token, secret


def revoke_token(actor: Actor, token_id: uuid.UUID) -> ApiToken:
    """End a token at once. Raises NotFound."""
    require(actor, "tokens:write")
    token = db.session.scalar(tokens_query(actor).where(ApiToken.id == token_id))
    if token is None:
        raise NotFound("not_found")
    with unit_of_work():
        token.revoked_at = token.revoked_at or utcnow()
        _record_token(actor, token, "revoke")
    return token


def create_user(
    actor: Actor,
    *,
    email: str,
    name: str,
    password_hash: str | None,
    role: str,
    member_id: uuid.UUID | None = None,
    language: str = "pl",
    totp_secret: str | None = None,
) -> User:
    """Make a user with one grant. ``totp_secret`` as Flask-Security keeps it. Raises Conflict ``taken``, Invalid."""
    require(actor, "users:write", member_id, staff=member_id is None)
    email = email.strip().lower()
    with unit_of_work():
        one_at_a_time("users")
        if is_taken(email):
            raise Conflict("taken", field="email", name=email)
        user = User(
            id=new_id(),
            email=email,
            name=name,
            password=password_hash,
            language=language,
            fs_uniquifier=secrets.token_hex(16),
            confirmed_at=utcnow(),
            tf_totp_secret=totp_secret,
            tf_primary_method="authenticator" if totp_secret else None,
        )
        user.grants.append(Grant(id=new_id(), role=_role(actor, role, member_id), member_id=member_id))
        db.session.add(user)
        record(
            actor, "identity:user:create", kind="user", resource_id=user.id, name=email, member_id=member_id, role=role
        )
    return user


def ensure_roles() -> None:
    """Make the rows of ``roles`` that grants point at."""
    with unit_of_work():
        one_at_a_time("roles")
        known = set(db.session.scalars(select(Role.name)))
        db.session.add_all(Role(name=name) for name in ROLES if name not in known)


def _tree_for(user: User, member_id: uuid.UUID | None = None) -> Tree:
    """What lies below what, read once for all that ``user`` holds; for who holds nothing on a member it is not read."""
    return tree_now() if member_id or any(grant.member_id for grant in user.grants) else NO_TREE


def _actor(user: User, tree: Tree, *, fresh: bool = False, lasting: datetime | None = None) -> Actor:
    moment = lasting or utcnow()
    grants = tuple(_reach(grant, tree) for grant in user.grants if grant.holds_at(moment)) if user.active else ()
    return Actor(ref=f"user:{user.id}", name=user.name or user.email, grants=grants, user_id=user.id, fresh=fresh)


def _reach(grant: Grant, tree: Tree) -> Reach:
    member_ids = None if grant.member_id is None else tree.reach_of([grant.member_id])
    return Reach(permissions=ROLES.get(grant.role.name, frozenset()) & PERMISSIONS, member_ids=member_ids)


def _narrowed(maker: Actor, token: ApiToken, tree: Tree) -> tuple[Reach, ...]:
    """Each grant of the maker, cut down to the token's role and member: never more than the maker holds now."""
    permissions = ROLES.get(token.role, frozenset())
    below = None if token.member_id is None else tree.reach_of([token.member_id])
    return tuple(
        Reach(
            permissions=grant.permissions & permissions,
            member_ids=grant.member_ids
            if below is None
            else below
            if grant.member_ids is None
            else below & grant.member_ids,
        )
        for grant in maker.grants
    )


def _record_token(actor: Actor, token: ApiToken, action: str, **data: Any) -> None:
    tag = f"identity:token:{action}"
    record(actor, tag, kind="token", resource_id=token.id, name=token.name, member_id=token.member_id, **data)


def _role(actor: Actor, name: str, member_id: uuid.UUID | None) -> Role:
    role = db.session.scalar(select(Role).where(Role.name == name))
    if role is None:
        raise Invalid("choice", field="role", choices=", ".join(sorted(ROLES)))
    if not all(
        actor.may_everywhere(permission) if member_id is None else actor.may(permission, member_id)
        for permission in ROLES[name]
    ):
        raise NotAllowed("role_exceeds", permission=name)
    return role


def _check_token(
    actor: Actor, role: str, member_id: uuid.UUID | None, networks: Sequence[str] | None, days: int
) -> None:
    _role(actor, role, member_id)
    if member_id is not None and db.session.get(Member, member_id) is None:
        raise Invalid("unknown_member", field="member_id")
    if type(days) is not int or not 1 <= days <= TOKEN_DAYS_MAX:
        raise Invalid("number_range", field="expires_in_days", least=1, most=TOKEN_DAYS_MAX)
    for network in networks or ():
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise Invalid("network_bad", field="networks", name=network) from None


def _require_within(actor: Actor, kinds: Sequence[str] | None, networks: Sequence[str] | None) -> None:
    """Nobody gets rid of a token's limits by having it make another one."""
    if not actor.ref.startswith("token:"):
        return
    own = db.session.get_one(ApiToken, uuid.UUID(actor.ref.partition(":")[2]))
    is_wider = own.kinds is not None and (kinds is None or not set(kinds) <= set(own.kinds))
    if is_wider or (own.networks and not (networks and all(_lies_in(one, own.networks) for one in networks))):
        raise NotAllowed("not_allowed", permission="tokens:write")


def _lies_in(network: str, outer: Sequence[str]) -> bool:
    inner = ipaddress.ip_network(network)
    return any(
        inner.version == around.version and inner.subnet_of(around)  # type: ignore[arg-type]  # of one version
        for around in map(ipaddress.ip_network, outer)
    )


def _in_networks(address: str | None, networks: Sequence[str]) -> bool:
    if address is None:
        return False
    host = ipaddress.ip_address(address)
    return any(host in ipaddress.ip_network(network) for network in networks)
