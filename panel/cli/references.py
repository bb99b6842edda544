"""Finding what a person named on the command line: by id, or by what people call it."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select

from panel.contracts.actions import contracts_query
from panel.contracts.models import Contract
from panel.dns.actions import get_zone
from panel.dns.models import Zone
from panel.dns.owning import zone_name
from panel.identity.models import User
from panel.identity.people import users_query
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.ledger import names
from panel.ledger.nodes import Node, get_node, list_nodes
from panel.mail.actions import get_mailbox
from panel.mail.domains import domains_query
from panel.mail.models import ADDRESSES, Mailbox, MailDomain
from panel.members.actions import members_query
from panel.members.models import Member

Row = TypeVar("Row")


def as_id(text: str) -> uuid.UUID | None:
    """``text`` as an id, None where it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def require_id(text: str) -> uuid.UUID:
    """``text`` as an id. Raises NotFound: nothing can be found by what is no id."""
    found = as_id(text)
    if found is None:
        raise NotFound("not_found")
    return found


def find_member(actor: Actor, text: str) -> Member:
    """The member with this id, slug or TERYT (also with the seventh digit of a commune). Raises NotFound."""
    teryt = text[:6] if len(text) == 7 and text.isdigit() else text
    return _only(members_query(actor), or_(Member.slug == text, Member.teryt == teryt), Member.id, text, "member")


def find_contract(actor: Actor, text: str) -> Contract:
    """The contract with this id or number. Raises NotFound."""
    return _only(contracts_query(actor), Contract.number == text, Contract.id, text, "contract")


def find_domain(actor: Actor, text: str) -> MailDomain:
    """The mail domain with this id or name. Raises NotFound."""
    return _only(domains_query(actor), MailDomain.name == text.lower(), MailDomain.id, text, "domain")


def find_mailbox(actor: Actor, text: str) -> Mailbox:
    """The mailbox with this id or address, also one removed within its grace period. Raises NotFound."""
    address = text.lower()
    return get_mailbox(actor, as_id(text) or names.taken(ADDRESSES, [address]).get(address) or require_id(""))


def find_zone(actor: Actor, text: str, *, permission: str = "dns:read") -> Zone:
    """The zone with this id or name, also one removed within its grace period. Raises NotFound."""
    zone_id = as_id(text)
    if zone_id is None:
        named = select(Zone.id).where(Zone.name == zone_name(text), Zone.want.in_(("put", "remove")))
        zone_id = db.session.scalar(named.order_by(Zone.want, Zone.id.desc()).limit(1)) or require_id("")
    return get_zone(actor, zone_id, permission=permission)


def find_user(actor: Actor, text: str) -> User:
    """The user with this id or address. Raises NotFound."""
    return _only(users_query(actor), User.email == text.strip().lower(), User.id, text, "user")


def find_node(actor: Actor, text: str) -> Node:
    """The node with this id or name. Raises NotFound."""
    node_id = as_id(text)
    if node_id is not None:
        return get_node(actor, node_id)
    for node in list_nodes(actor):
        if node.name == text:
            return node
    raise NotFound("not_found", field="node")


def _only(query: Select[Row], named: ColumnElement[bool], id_column: Any, text: str, field: str) -> Row:
    found = db.session.scalar(query.where(or_(named, id_column == as_id(text))))
    if found is None:
        raise NotFound("not_found", field=field)
    return found
